import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import type { DriverFacts, InstanceExit, InstanceSpec } from '../driver.js';
import type { Level } from './level.js';
import { SandboxDriver } from './sandbox.driver.js';

export type Seen = InstanceExit & { readonly out: string; readonly err: string };

/** A driver of one level on a folder of its own. */
export interface OpenDriver {
  readonly driver: SandboxDriver;
  readonly facts: DriverFacts;
  readonly dataDir: string;
  /** Runs a command to its end. */
  run(argv: readonly [string, ...string[]], env?: Record<string, string>, spec?: Partial<InstanceSpec>): Promise<Seen>;
  close(): Promise<void>;
}

/** Opens a driver of this level. @returns undefined, and says so, where the machine does not have the level */
export const openDriver = async (level: Level['name']): Promise<OpenDriver | undefined> => {
  const dataDir = await mkdtemp(join(tmpdir(), `fornax-${level}-`));
  const driver = new SandboxDriver({ workDir: join(dataDir, 'node'), hide: [dataDir], level });
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
  let counter = 0;
  return {
    driver,
    facts,
    dataDir,
    run: async (argv, env = {}, spec = {}) => {
      const prepared = await driver.prepare({ id: `lease-${(counter += 1)}`, cores: 1, memoryMB: 512, ...spec });
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
