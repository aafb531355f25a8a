import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { FornaxClient } from '@fornax/client';
import { eventually, startPlatform, type RunningPlatform } from '@fornax/testing';
import { z } from 'zod';
import { joinNode } from './join-node.js';

/** What the job takes, in GHz·core·seconds, and nodes of three speeds to do it on. */
const WORK = 24;
const SPEEDS = [1.2, 2.4, 4.8] as const;
const SLOW_MS = 240_000;

const pageSchema = z.object({
  lines: z.array(
    z.object({
      node: z.string(),
      ghz: z.number(),
      rule: z.string(),
      billedMs: z.number(),
      amountNanos: z.string(),
    }),
  ),
});

let platform: RunningPlatform;
let api: FornaxClient;
let folder: string;
const leave: (() => Promise<void>)[] = [];

/** The program `job` of a node of this speed. Hardware of three speeds is not to be had: it takes the time that the job takes there; whatever else is real. */
const jobFor = async (ghz: number): Promise<string> => {
  const tools = join(folder, String(ghz));
  await mkdir(tools);
  await writeFile(join(tools, 'job'), `#!/bin/sh\nexec sleep ${WORK / ghz}\n`);
  await chmod(join(tools, 'job'), 0o755);
  return tools;
};

beforeAll(async () => {
  // Instances have a /tmp of their own.
  folder = await mkdtemp('/var/tmp/fornax-balance-');
  await chmod(folder, 0o755);
  platform = await startPlatform({ env: { FORNAX_NODES: '0' } });
  api = new FornaxClient({ url: platform.apiUrl, token: platform.token });
  for (const ghz of SPEEDS)
    leave.push(
      await joinNode(platform, `mhz-${ghz * 1_000}`, {
        FORNAX_NODE_GHZ: String(ghz),
        FORNAX_NODE_CORES: '1',
        FORNAX_NODE_MEMORY_MB: '512',
        FORNAX_NODE_LEASES_AHEAD: '0',
        FORNAX_NODE_EXPOSE: await jobFor(ghz),
      }),
    );
  await eventually(
    async () => (await api.fleet.nodes()).filter(({ status }) => status === 'online').length === SPEEDS.length,
    { timeoutMs: 60_000 },
  );
}, SLOW_MS);
afterAll(async () => {
  for (const each of leave) await each();
  await platform?.stop();
  await rm(folder, { recursive: true, force: true });
}, SLOW_MS);

it(
  'a job costs the same within 2 % on nodes of three speeds, where it asks for no hardware',
  async () => {
    const task = await api.submitTask({
      name: 'balance',
      profile: 'docker-batch',
      instanceCount: SPEEDS.length,
      constants: [{ key: 'DOCKER_CMD', value: 'job' }],
    });
    expect(await api.waitForTask(task)).toMatchObject({ state: 'Success' });
    const { lines } = pageSchema.parse(await api.get(`/fornax/v1/billing/tasks/${task}/lines`));
    expect(lines.map(({ node, ghz }) => `${node} ${ghz}`).sort()).toEqual(
      SPEEDS.map((ghz) => `mhz-${ghz * 1_000} ${ghz}`),
    );
    expect(lines.map(({ rule }) => rule)).toEqual(lines.map(() => 'work/flex'));
    const costs = lines.map(({ amountNanos }) => Number(amountNanos));
    expect(Math.max(...costs) / Math.min(...costs)).toBeLessThan(1.02);
    // Time alone is not: the slowest one took four times as long.
    const times = lines.map(({ billedMs }) => billedMs);
    expect(Math.max(...times) / Math.min(...times)).toBeGreaterThan(3.9);
  },
  SLOW_MS,
);
