import { availableParallelism, totalmem } from 'node:os';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { FornaxClient } from '@fornax/client';
import { eventually, startPlatform, type RunningPlatform } from '@fornax/testing';
import { processesWith } from './launch.js';

const SLOW_MS = 120_000;
/** As an argument of `sleep` it is found, and nobody else's. */
const MARK = `86${process.pid}.5`;

/** Commands, without the first processes and bwrap, which have it among their arguments or not. */
const sleepers = () => processesWith(`sleep ${MARK}`);

let platform: RunningPlatform;
let api: FornaxClient;
beforeAll(async () => {
  platform = await startPlatform({ env: { FORNAX_NODES: '2', FORNAX_NODE_LEASES_AHEAD: '0' } });
  api = new FornaxClient({ url: platform.apiUrl, token: platform.token });
}, SLOW_MS * 2);
afterAll(() => platform.stop(), SLOW_MS);

const nodesOnline = () =>
  eventually(
    async () => {
      const nodes = await api.fleet.nodes();
      return nodes.length === 2 && nodes.every(({ status }) => status === 'online') && nodes;
    },
    { timeoutMs: 60_000 },
  );

// A node offers a core at least: on a machine with one, two nodes offer two.
const cores = Math.max(2, availableParallelism());

it('two nodes of one machine offer its cores and its memory once', async () => {
  const nodes = await nodesOnline();
  const sum = (of: 'cores' | 'memoryMB') => nodes.reduce((total, { hardware }) => total + hardware[of], 0);
  const memoryMB = totalmem() / 1_048_576;
  expect(sum('cores')).toBe(cores);
  expect(sum('memoryMB')).toBeLessThanOrEqual(memoryMB);
  // Whole megabytes of each.
  expect(sum('memoryMB')).toBeGreaterThan(memoryMB - 3);
});

it(
  'as many instances run on both as it has cores, and the next one waits',
  async () => {
    await nodesOnline();
    const submit = (name: string, instanceCount: number, command: string) =>
      api.submitTask({
        name,
        profile: 'docker-batch',
        instanceCount,
        constants: [{ key: 'DOCKER_CMD', value: command }],
      });
    const held = await submit('held', cores, `sleep ${MARK}`);
    await eventually(() => sleepers().length === cores, { timeoutMs: 60_000 });
    const later = await submit('later', 1, `sleep ${MARK}`);
    await eventually(async () => (await api.history.waiting(later)).reason === 'fleet-full', { timeoutMs: 60_000 });
    expect(sleepers()).toHaveLength(cores);
    await api.abortTask(held);
    await eventually(() => sleepers().length === 1, { timeoutMs: 60_000 });
    await api.abortTask(later);
  },
  SLOW_MS,
);
