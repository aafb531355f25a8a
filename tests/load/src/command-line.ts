import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type RunningPlatform, workspaceRoot } from '@fornax/testing/platform';
import { LoadClient, noOp } from './api.js';
import { percentile } from './statistics.js';

const PROGRAM = join(workspaceRoot, 'apps/cli/dist/bundled/main.js');
const MOST_BYTES = 64 * 1024 * 1024;
const BULK = 100;

/** Milliseconds of a whole process, from its start to its end. @throws Error it failed */
const wholeProcessMs = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<number> => {
  const started = performance.now();
  await promisify(execFile)(process.execPath, [...args], { env, maxBuffer: MOST_BYTES });
  return performance.now() - started;
};

export interface CommandLineSpeed {
  /** Medians, in milliseconds. */
  readonly nodeMs: number;
  readonly versionMs: number;
  readonly listMs: number;
}

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
  const took = { node: [] as number[], version: [] as number[], list: [] as number[] };
  for (let round = 0; round < rounds; round += 1)
    for (const name of ['node', 'version', 'list'] as const) took[name].push(await wholeProcessMs(runs[name], env));
  return {
    nodeMs: percentile(took.node, 0.5),
    versionMs: percentile(took.version, 0.5),
    listMs: percentile(took.list, 0.5),
  };
};
