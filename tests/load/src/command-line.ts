import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type RunningPlatform, workspaceRoot } from '@fornax/testing/platform';
import { LoadClient, noOp } from './api.js';
import { TICK_MS } from './cpu.js';
import { percentile } from './statistics.js';

const PROGRAM = join(workspaceRoot, 'apps/cli/dist/bundled/main.js');
const MOST_BYTES = 64 * 1024 * 1024;
const BULK = 100;

/** Processor time of all processes that this one has started and that are over, in milliseconds (proc(5), fields 16 and 17). */
const reapedMs = async (): Promise<number> => {
  const text = await readFile('/proc/self/stat', 'utf8');
  const [user = 0, system = 0] = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .slice(13, 15)
    .map(Number);
  return (user + system) * TICK_MS;
};

/** What whole processes of one kind took, each. */
class Taken {
  readonly #walls: number[] = [];
  #cpuMs = 0;

  /** Runs one, from its start to its end. @throws Error it failed */
  async run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
    const [before, started] = [await reapedMs(), performance.now()];
    await promisify(execFile)(process.execPath, [...args], { env, maxBuffer: MOST_BYTES });
    this.#walls.push(performance.now() - started);
    this.#cpuMs += (await reapedMs()) - before;
  }

  speed(): ProcessSpeed {
    return { medianMs: percentile(this.#walls, 0.5), cpuMs: this.#cpuMs / this.#walls.length };
  }
}

/** Milliseconds: the median of the clock, and the mean of processor time, which changes less under load. */
export interface ProcessSpeed {
  readonly medianMs: number;
  readonly cpuMs: number;
}

export type CommandLineSpeed = Readonly<Record<'node' | 'version' | 'list', ProcessSpeed>>;

/** How long `fornax --version` and `fornax task list` of so many tasks take as whole processes, in turns with a Node that does nothing. */
export const commandLineSpeed = async (
  platform: RunningPlatform,
  { tasks, rounds }: { readonly tasks: number; readonly rounds: number },
): Promise<CommandLineSpeed> => {
  const client = new LoadClient(platform, 1);
  try {
    for (let made = 0; made < tasks; made += BULK) {
      const bulk = Array.from({ length: Math.min(BULK, tasks - made) }, (_, one) => noOp(`listed ${made + one}`, 1));
      await client.call('POST', '/tasks', bulk);
    }
  } finally {
    client.close();
  }
  const env = { QARNOT_CLUSTER_URL: platform.apiUrl, QARNOT_CLIENT_TOKEN: platform.token };
  const runs = { node: ['-e', '0'], version: [PROGRAM, '--version'], list: [PROGRAM, 'task', 'list'] } as const;
  const taken = { node: new Taken(), version: new Taken(), list: new Taken() };
  for (let round = 0; round < rounds; round += 1)
    for (const name of ['node', 'version', 'list'] as const) await taken[name].run(runs[name], env);
  return { node: taken.node.speed(), version: taken.version.speed(), list: taken.list.speed() };
};
