import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningPlatform, startPlatform } from '@fornax/testing';
import { projectionFaults, repeatedAttempts, resultFaults, taskFaults } from './invariants.js';
import { randomFrom } from './random.js';
import { type Acknowledged, insist, submit, untilSomethingRuns } from './work.js';

const rounds = Number(process.env['FORNAX_FAULT_ROUNDS'] ?? '1');
const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
const PARTS = ['platform', 'node-1', 'nats', 'postgres'] as const;
const BUCKET = 'fault-results';

describe(`kill -9 with work in flight (seed ${seed})`, () => {
  const random = randomFrom(seed);
  const acknowledged: Acknowledged[] = [];
  let dataDir: string;
  let platform: RunningPlatform;
  let serial = 0;

  const start = (): Promise<RunningPlatform> => startPlatform({ dataDir });

  const submitSome = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) {
      serial += 1;
      const key = `fault-${seed}-${serial}`;
      const instances = 1 + Math.floor(random() * 4);
      acknowledged.push(await insist(() => submit(platform, key, instances, BUCKET), `submit ${key}`));
    }
  };

  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, Math.floor(random() * 300)));

  const kill = async (part: string): Promise<void> => {
    const pid = (await platform.parts())[part];
    if (pid === undefined)
      throw new Error(`the platform has no part ${part}: ${JSON.stringify(await platform.parts())}`);
    process.kill(pid, 'SIGKILL');
  };

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'fornax-faults-'));
    platform = await start();
  });

  afterAll(async () => {
    await platform.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const turns = Array.from({ length: rounds }, (_, round) => PARTS.map((part) => ({ round, part }))).flat();

  it.each(turns)('round $round: loses nothing when $part is killed', async ({ part }) => {
    await submitSome(3);
    await untilSomethingRuns(platform, acknowledged.slice(-3));
    // The moment of the kill is part of the seed, so that different seeds hit different moments.
    await pause();
    await kill(part);
    await submitSome(2);
    expect(await taskFaults(platform, acknowledged.slice(-5))).toEqual([]);
    // Else the kill would have hit nobody.
    if (part === 'node-1') expect(await repeatedAttempts(platform, acknowledged.slice(-5))).toBeGreaterThan(0);
  });

  it('loses nothing when everything is killed at once and started again', async () => {
    await submitSome(4);
    await untilSomethingRuns(platform, acknowledged.slice(-4));
    const pids = Object.values(await platform.parts());
    process.kill(platform.launcherPid, 'SIGKILL');
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // The guardian may have been faster.
      }
    }
    await platform.exited;
    platform = await start();
    await submitSome(1);
    expect(await taskFaults(platform, acknowledged.slice(-5))).toEqual([]);
  });

  it('keeps every task that was ever acknowledged, billed once for each attempt', async () => {
    expect(await taskFaults(platform, acknowledged)).toEqual([]);
  });

  it('keeps exactly one result of each instance', async () => {
    expect(await resultFaults(platform, BUCKET, acknowledged)).toEqual([]);
  });

  it('rebuilds every projection to what the live one holds', async () => {
    expect(await projectionFaults(platform)).toEqual([]);
  });
});
