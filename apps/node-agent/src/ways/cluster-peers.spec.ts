import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';

import { eventually } from '@fornax/testing';
import { afterEach, describe, expect, it } from '@jest/globals';

import { ClusterPeers } from './cluster-peers.js';
import { PeersFull } from './peers-full.js';
import { TryTurns } from './try-turns.js';

const LOCAL = 20_001;
const sockets: Socket[] = [];
const servers: Server[] = [];

const listening = async (come: (socket: Socket) => void): Promise<number> => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket.on('error', () => undefined));
    come(socket);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};
const dialled = async (port: number): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  sockets.push(socket.on('error', () => undefined));
  await once(socket, 'connect');
  return socket;
};

/** Connects, and resolves once the other side ends it: that may be before it is told of the connection. */
const ended = async (port: number): Promise<unknown> => {
  const socket = connect({ port, host: '127.0.0.1' }).resume();
  sockets.push(socket.on('error', () => undefined));
  return new Promise((resolve) => socket.once('close', resolve));
};

/** Instance 0 of two, and how often it has tried to reach the other. */
const instance = async (reach: () => Promise<Socket | undefined>, waitMs?: number) => {
  const tries: number[] = [];
  const peers = new ClusterPeers({
    order: { instance: 0, cluster: { ports: [7_000], instances: [0, 1] } },
    reach: () => {
      tries.push(performance.now());
      return reach();
    },
    turns: new TryTurns(100),
    ...(waitMs === undefined ? {} : { waitMs }),
  });
  const door = await listening((socket) => peers.doors.onConnection(LOCAL, socket));
  return { peers, door, tries };
};

describe('connections to others of a task', () => {
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
    for (const server of servers.splice(0)) server.close();
  });

  it('wait together, tried as one, ever more rarely', async () => {
    const { peers, door, tries } = await instance(() => Promise.resolve(undefined));
    const all = await Promise.all(Array.from({ length: 200 }, () => dialled(door)));
    await eventually(() => tries.length >= 5, { timeoutMs: 20_000 });
    const [first = 0, , , fourth = 0, fifth = 0] = tries;
    expect(fifth - fourth).toBeGreaterThan(350);
    expect(fourth - first).toBeGreaterThan(300);
    // Who comes and goes makes no more of them.
    const before = tries.length;
    for (const socket of all) socket.destroy();
    for (let n = 0; n < 20; n += 1) (await dialled(door)).destroy();
    expect(tries.length - before).toBeLessThan(3);
    peers.stop();
  });

  it('all have their own once it listens', async () => {
    const other: { port?: number } = {};
    const { peers, door, tries } = await instance(async () =>
      other.port === undefined ? undefined : dialled(other.port),
    );
    const all = await Promise.all(Array.from({ length: 100 }, () => dialled(door)));
    await eventually(() => tries.length >= 2, { timeoutMs: 20_000 });
    other.port = await listening((socket) => socket.pipe(socket));
    const said = all.map(async (socket, n) => {
      socket.end(`${n}`);
      return text(socket);
    });
    expect(await Promise.all(said)).toEqual(all.map((_, n) => `${n}`));
    peers.stop();
  });

  it('end at once where there may be no more, and a note says so', async () => {
    const { peers, door } = await instance(() => Promise.reject(new PeersFull('no room')));
    await Promise.all(Array.from({ length: 20 }, () => ended(door)));
    expect(peers.notes).toEqual([
      expect.stringMatching(/^Connections to others of the task were refused: \d+\. As many/),
    ]);
    peers.stop();
  });

  it('ask no more often where there may be no more, however often they come, and have their own once there is room', async () => {
    const other: { port?: number } = {};
    const { peers, door, tries } = await instance(async () => {
      if (other.port === undefined) throw new PeersFull('no room');
      return dialled(other.port);
    });
    for (let n = 0; n < 300; n += 1) await ended(door);
    expect(tries.length).toBeLessThan(10);
    const before = tries.length;
    await eventually(async () => {
      await ended(door);
      return tries.length >= before + 3;
    });
    const [third = 0, second = 0, first = 0] = [...tries].reverse();
    expect(third - second).toBeGreaterThan(90);
    expect(second - first).toBeGreaterThan(90);
    other.port = await listening((socket) => socket.end('here'));
    await eventually(async () => (await text(await dialled(door)).catch(() => '')) === 'here', { timeoutMs: 20_000 });
    peers.stop();
  });

  it('end when nothing has listened for as long as they wait, and a note names where', async () => {
    const { peers, door } = await instance(() => Promise.resolve(undefined), 200);
    await ended(door);
    expect(peers.notes).toEqual([expect.stringContaining('as long as a connection waits: instance 1 at port 7000.')]);
    peers.stop();
  });

  it('leave no note where who connects resets before', async () => {
    const nothing = (): Promise<undefined> => Promise.resolve(undefined);
    const { peers, door, tries } = await instance(nothing, 300);
    const left = await dialled(door);
    await eventually(() => tries.length >= 1);
    // One that only ends may have sent something, which is still to be brought.
    left.resetAndDestroy();
    // One that begins later, waits for longer, and stays: when its time is over, so is that of the one that has left.
    const { peers: others, door: other } = await instance(nothing, 600);
    await ended(other);
    expect(others.notes).toHaveLength(1);
    expect(peers.notes).toEqual([]);
    for (const each of [peers, others]) each.stop();
  });

  it('take turns with those of others on the node', async () => {
    const turns = new TryTurns(100);
    const { signal } = new AbortController();
    const begun = performance.now();
    await Promise.all(Array.from({ length: 21 }, () => turns.next(signal)));
    expect(performance.now() - begun).toBeGreaterThan(190);
  });
});
