import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { it } from '@jest/globals';

import type { Driver, DriverFacts, InstanceExit, InstanceSpec } from '../driver/driver.js';
import { initProgram } from '../process/init-program.js';
import { isRoot, type Level } from './level.js';
import { SandboxDriver, type SandboxOptions } from './sandbox.driver.js';

export type Seen = InstanceExit & { readonly out: string; readonly err: string };

/** A driver on a folder of its own. */
export interface OpenDriver<D extends Driver = Driver> {
  readonly driver: D;
  readonly facts: DriverFacts;
  readonly dataDir: string;
  /** What its instances run in, where they need that. */
  readonly image?: string | undefined;
  /** Runs a command to its end. */
  run(argv: readonly [string, ...string[]], env?: Record<string, string>, spec?: Partial<InstanceSpec>): Promise<Seen>;
  close(): Promise<void>;
}

export type Test<T> = (name: string, test: (given: T) => Promise<void>, timeoutMs?: number) => void;

/** Defines tests of what this machine may not have: without it they are skipped, and the report shows that. */
export const testsOf =
  <T>(given: T | undefined): Test<T> =>
  (name, test, timeoutMs) => {
    if (given === undefined) it.skip(name, () => undefined);
    else it(name, () => test(given), timeoutMs);
  };

/** Tests of what only an agent that is root does. */
export const asRoot = isRoot() ? it : it.skip;

/** Opens a driver of each level, before any test is defined. Whoever calls this closes them. */
export const openLevels = async (
  levels: readonly Level['name'][],
  options: Partial<SandboxOptions> = {},
): Promise<(readonly [Level['name'], OpenDriver<SandboxDriver> | undefined])[]> => {
  const opened: (readonly [Level['name'], OpenDriver<SandboxDriver> | undefined])[] = [];
  for (const level of levels) opened.push([level, await openDriver(level, options)]);
  return opened;
};

/** Opens a driver of this level. @returns undefined, and says so, where the machine does not have the level */
export const openDriver = async (
  level: Level['name'],
  options: Partial<SandboxOptions> = {},
): Promise<OpenDriver<SandboxDriver> | undefined> => {
  const dataDir = await mkdtemp(join(tmpdir(), `fornax-${level}-`));
  // What the second and later instances get is made before they are asked for.
  const driver = new SandboxDriver({ workDir: join(dataDir, 'node'), hide: [dataDir], level, ready: 1, ...options });
  let facts: DriverFacts;
  try {
    facts = await driver.probe();
  } catch (error) {
    await driver.close();
    await rm(dataDir, { recursive: true, force: true });
    if (level === 'process') throw error;
    process.stderr.write(`level ${level} is not tested here: ${String(error)}\n`);
    return undefined;
  }
  return openedOn(driver, facts, dataDir);
};

/** Runs commands by a driver that was probed. @param image what they run in, where that needs one */
export const openedOn = <D extends Driver>(
  driver: D,
  facts: DriverFacts,
  dataDir: string,
  image?: string,
): OpenDriver<D> => {
  // Ids of leases are nobody else's on the machine: plain processes are found by them.
  let counter = 0;
  return {
    driver,
    facts,
    dataDir,
    image,
    run: async (argv, env = {}, spec = {}) => {
      const prepared = await driver.prepare({
        id: `${basename(dataDir)}-${(counter += 1)}`,
        cores: 1,
        memoryMB: 512,
        image,
        ...spec,
      });
      try {
        const instance = await prepared.start({ argv, env: { PATH: facts.path, ...env } });
        const [out, err, exit] = await Promise.all([text(instance.stdout), text(instance.stderr), instance.exit]);
        return { out, err, ...exit };
      } finally {
        await prepared.dispose();
      }
    },
    close: async () => {
      await driver.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

interface InitParts {
  /** What it inherits beside descriptors 0 to 5. */
  readonly others?: readonly (number | 'ignore')[];
  /** Another build than the one that is shipped. */
  readonly build?: { readonly program: string; readonly env: Readonly<Record<string, string>> };
  /** What is written to its descriptor 3, which is closed then; left open without. */
  readonly signals?: Uint8Array;
}

/** Starts the first process by itself, as a plain process of this machine, and gives it an order. */
export const runInit = async (
  order: string | Uint8Array,
  { others = [], build, signals }: InitParts = {},
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> => {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', ...others];
  const { program, env } = build ?? { program: await initProgram(), env: {} };
  const child: ChildProcess = spawn(program, ['--directory', '/', '--aim', 'group'], {
    stdio,
    env: { ...process.env, ...env },
  });
  const pipes: readonly unknown[] = child.stdio;
  const [, out, err, control, status, command] = pipes;
  if (!(
    out instanceof Readable &&
    err instanceof Readable &&
    status instanceof Readable &&
    control instanceof Writable &&
    command instanceof Writable
  ))
    throw new Error('no pipes');
  status.resume();
  if (signals) {
    control.on('error', () => undefined);
    // Its end ends all: not before the command runs.
    status.once('data', () => control.end(signals));
  }
  command.on('error', () => undefined);
  command.end(order);
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const [said, complained, ended] = await Promise.all([text(out), text(err), code]);
  return { code: ended, out: said, err: complained };
};

/** An order as the first process reads it. @param until hundredths of a second of uptime; 0: whenever */
export const orderOf = (argv: readonly string[], env: readonly string[] = [], until = 0): string =>
  [until, argv.length, env.length, ...argv, ...env, ''].join('\0');
