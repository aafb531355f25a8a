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

/** Passes a token on to the next of its task, once it has come from the one before; the first one begins, and prints what came round. */
const RING = `import os, socket
me, count, peers = int(os.environ["CLUSTER_RANK"]), int(os.environ["INSTANCE_COUNT"]), os.environ["CLUSTER_PEERS"].split()
lines = open(os.environ["CLUSTER_HOSTFILE"]).read().splitlines()
assert [line.split()[0] for line in lines] == [str(each) for each in range(count)], lines
assert ["{1}:{2}".format(*line.split()) for line in lines] == peers, lines
mine = socket.create_server(("127.0.0.1", int(os.environ["CLUSTER_PORTS"])))
def pass_on(token):
  host, port = peers[(me + 1) % count].split(":")
  with socket.create_connection((host, int(port))) as next_one: next_one.sendall(token)
def taken():
  with mine.accept()[0] as before: return b"".join(iter(lambda: before.recv(65536), b""))
if me == 0: pass_on(b"0")
token = taken()
if me == 0: print("the ring:", token.replace(b".", b"").decode(), len(token))
else: pass_on(token + b" %d" % me + b"." * 200000)
`;

it(
  'instances of a cluster find each other on both nodes, and nobody else finds them',
  async () => {
    await nodesOnline();
    const submit = (profile: string, command: string, instanceCount = cores) =>
      api.submitTask({
        name: profile,
        profile,
        instanceCount,
        constants: [{ key: 'DOCKER_CMD', value: command }],
      });
    const ended = async (id: string) => {
      const { state, errors } = await api.waitForTask(id, { signal: AbortSignal.timeout(SLOW_MS) });
      expect([state, errors]).toEqual(['Success', []]);
    };
    const ring = await submit('docker-cluster', `python3 -c '${RING}'`);
    await ended(ring);
    const numbers = Array.from({ length: cores }, (_, each) => String(each));
    const tokens = `${numbers.join(' ')} ${numbers.join(' ').length + (cores - 1) * 200_000}`;
    expect([await api.output(ring, 'stdout'), await api.output(ring, 'stderr')]).toEqual([
      `0> the ring: ${tokens}\n`,
      '',
    ]);
    const events = JSON.stringify(await api.get(`/fornax/v1/tasks/${ring}/events?limit=100`));
    expect(['node-1', 'node-2'].map((node) => events.includes(node))).toEqual([true, true]);

    const probe =
      'import socket; print([socket.socket().connect_ex(("127.0.0.1", 20000 + each)) for each in range(4)])';
    const other = await submit('docker-batch', `python3 -c '${probe}'`, 1);
    await ended(other);
    expect(await api.output(other, 'stdout')).toBe('0> [111, 111, 111, 111]\n');
  },
  SLOW_MS * 2,
);
