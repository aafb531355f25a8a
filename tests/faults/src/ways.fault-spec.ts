import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FornaxClient } from '@fornax/client';
import { FrameReader, FRAMES, type WireInstanceSession } from '@fornax/contracts';
import { eventually, type RunningPlatform, startPlatform } from '@fornax/testing';
import { endReplica, type Replica, startReplica } from './testbed/replicas.js';

const LONG = { timeoutMs: 90_000, everyMs: 200 };
const SLOW_MS = 240_000;
const INSTANCES = 4;

/** Each instance asks the next one for its number, again and again, and tells of it in a file: how often it was answered in a row, whatever failed before. */
const CHATTER = `import os, socket, threading, time
me, peers = int(os.environ["CLUSTER_RANK"]), os.environ["CLUSTER_PEERS"].split()
mine = socket.create_server(("127.0.0.1", 7000), backlog=64)
def answer():
  while True:
    try:
      with mine.accept()[0] as one: one.sendall(b"%d" % me)
    except OSError: pass
threading.Thread(target=answer, daemon=True).start()
following, said = (me + 1) % len(peers), 0
while True:
  try:
    host, port = peers[following].split(":")
    with socket.create_connection((host, int(port)), timeout=5) as one:
      one.settimeout(5)
      if one.recv(64) == b"%d" % following: said += 1
      open("said", "w").write("%d" % said)
  except OSError: pass
  time.sleep(0.1)
`;

interface TaskEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** The agents' links of a task may end in different processes of submission, and each of these may be killed at any time. */
describe('ways into instances through two processes of submission', () => {
  let platform: RunningPlatform;
  let second: Replica;
  let cluster = '';

  const client = (url: string): FornaxClient => new FornaxClient({ url, token: platform.token });
  const isReady = async ({ apiUrl }: Replica): Promise<boolean> =>
    fetch(`${apiUrl}/health/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  const startSecond = async (): Promise<void> => {
    second = await startReplica((await platform.parts())['submission'] ?? 0);
    await eventually(() => isReady(second), LONG);
  };
  const first = async (): Promise<number> => (await platform.parts())['submission'] ?? 0;

  /** Opens a session as the command line does. @returns its connection, and its id */
  const session = async (url: string, instance: number, body: object) => {
    const response = await fetch(`${url}/fornax/v1/tasks/${cluster}/instances/${instance}/sessions`, {
      method: 'POST',
      headers: { authorization: platform.token, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const said = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${said}`);
    const { uuid, host, port, ticket } = JSON.parse(said) as WireInstanceSession;
    const socket = connect({ host, port });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(`session ${ticket}\n`);
    return { uuid, socket };
  };
  const printed = async (url: string, instance: number, ...command: readonly string[]): Promise<string> => {
    const { socket } = await session(url, instance, { kind: 'exec', command });
    const frames = new FrameReader();
    let text = '';
    for await (const chunk of socket as AsyncIterable<Buffer>)
      for (const { kind, payload } of frames.take(chunk))
        if (kind === FRAMES.output) text += Buffer.from(payload).toString();
    return text;
  };
  /** How often each instance was answered by its peer. */
  const answered = async (url: string): Promise<readonly number[]> =>
    Promise.all(
      Array.from({ length: INSTANCES }, async (_, each) => Number(await printed(url, each, 'cat', '/job/said'))),
    );
  /** Each of them goes on to be answered. */
  const allTalk = async (url: string): Promise<void> => {
    const before = await eventually(
      () =>
        answered(url).then(
          (counts) => (counts.every((count) => count > 0) ? counts : undefined),
          () => undefined,
        ),
      LONG,
    );
    await eventually(
      () =>
        answered(url).then(
          (counts) => counts.every((count, each) => count > (before[each] ?? 0) + 2),
          () => false,
        ),
      LONG,
    );
  };
  const events = async (): Promise<readonly TaskEvent[]> => {
    const all = await client(platform.apiUrl).get(`/fornax/v1/tasks/${cluster}/events?limit=1000`);
    return (all as { readonly events: readonly TaskEvent[] }).events;
  };
  const endsOf = async (uuid: string): Promise<readonly TaskEvent[]> =>
    (await events().catch(() => [])).filter(
      ({ type, data }) => type === 'TaskSessionEnded' && data['session'] === uuid,
    );
  /** Opens one, has its process killed, and expects its one end. */
  const lostWith = async (url: string, kill: () => Promise<unknown>): Promise<void> => {
    const { uuid, socket } = await session(url, 0, { kind: 'exec', command: ['sleep', '1000'] });
    const closed = once(socket.resume(), 'close');
    await eventually(
      async () => (await printed(url, 0, 'sh', '-c', 'cat /proc/[0-9]*/cmdline')).includes('1000'),
      LONG,
    );
    await kill();
    await closed;
    const [end] = await eventually(async () => {
      const ends = await endsOf(uuid);
      return ends.length > 0 ? ends : undefined;
    }, LONG);
    expect(end?.data).toMatchObject({ because: 'carrier-lost', instance: 0 });
    // Whoever else looks tells of it no second time: the log shows one for as long as several looks take.
    await allTalk(platform.apiUrl);
    expect(await endsOf(uuid)).toHaveLength(1);
  };

  beforeAll(async () => {
    const env = { FORNAX_SERVICES: '1', FORNAX_NODES: '2', FORNAX_NODE_CORES: '2', FORNAX_NODE_LEASES_AHEAD: '0' };
    platform = await startPlatform({ env });
    await startSecond();
    cluster = await client(platform.apiUrl).submitTask({
      name: 'chatter',
      profile: 'docker-cluster',
      instanceCount: INSTANCES,
      constants: [{ key: 'DOCKER_CMD', value: `python3 -c '${CHATTER}'` }],
      forcedNetworkRules: [{ inbound: true, proto: 'tcp', port: '7000', name: 'asked' }],
    });
  }, SLOW_MS);
  afterAll(async () => {
    await endReplica(second);
    await platform.stop();
  }, SLOW_MS);

  it(
    'instances of a cluster on two nodes find each other, and sessions and forwards are opened by either process',
    async () => {
      await allTalk(platform.apiUrl);
      await allTalk(second.apiUrl);
      const nodes = JSON.stringify(await events());
      expect(['node-1', 'node-2'].map((node) => nodes.includes(node))).toEqual([true, true]);
      /** What an instance says by its forward, as this process tells where that is. */
      const byForward = async (url: string, instance: number): Promise<string> => {
        const found = (await client(url).get(`/v1/network/tasks/${cluster}/port-forward`)) as Readonly<
          Record<string, Readonly<Record<string, { readonly access: { readonly publicPort: number } }>>>
        >;
        const socket: Socket = connect({
          host: '127.0.0.1',
          port: found[String(instance)]?.['asked']?.access.publicPort ?? 0,
        });
        let text = '';
        for await (const chunk of socket as AsyncIterable<Buffer>) text += chunk.toString();
        return text;
      };
      for (const url of [platform.apiUrl, second.apiUrl])
        for (let instance = 0; instance < INSTANCES; instance += 1)
          await eventually(
            () =>
              byForward(url, instance).then(
                (said) => said === String(instance),
                () => false,
              ),
            LONG,
          );
    },
    SLOW_MS,
  );

  it(
    'a session of a process that is killed has one end, told by the process that goes on, and the cluster goes on by that',
    async () => {
      await lostWith(second.apiUrl, () => endReplica(second));
      await allTalk(platform.apiUrl);
    },
    SLOW_MS,
  );

  it(
    'a session of a process that is killed has one end, told by its successor, too',
    async () => {
      await lostWith(platform.apiUrl, async () => process.kill(await first(), 'SIGKILL'));
      await allTalk(platform.apiUrl);
    },
    SLOW_MS,
  );
});
