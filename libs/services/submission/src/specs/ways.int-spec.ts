import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rpcReplySchema } from '@fornax/base';
import {
  liveSubject,
  nodeRpcSubject,
  RPC,
  secretRightsRequestSchema,
  waysReplySchema,
  type WaysReply,
} from '@fornax/contracts';
import { aLease, anEnd, aRef, concluded, dispatched, started } from '@fornax/domain/specs';
import type { Nats } from '@fornax/event-store';
import { Sealer } from '@fornax/identity';
import { NATS } from '@fornax/service-kit';
import { eventually } from '@fornax/testing';
import { z } from 'zod';
import { minimal, startHarness, type Harness } from './submission.fixture.js';

const { leaseId, node } = aLease(0);
const WAIT = { timeoutMs: 20_000 };

let harness: Harness;
let taskId = '';
const nats = (): Nats => harness.test.app.get<Nats>(NATS);

const ask = async (asked: object = {}, from = node): Promise<WaysReply> => {
  const body = JSON.stringify({ leaseId, taskId, instance: 0, ...asked });
  const reply = rpcReplySchema.parse((await nats().request(nodeRpcSubject(from, 'ways'), body)).json());
  return waysReplySchema.parse('ok' in reply ? reply.ok : reply);
};

/** What an agent has open. */
class Agent {
  readonly lines: string[] = [];
  private constructor(
    readonly link: Socket,
    private readonly address: { readonly host: string; readonly port: number },
  ) {
    let rest = '';
    link.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === 'ping') link.write('pong\n');
        else this.lines.push(line);
      }
    });
    link.on('error', () => undefined);
  }

  static async link(): Promise<Agent> {
    const reply = await ask();
    if (!reply.granted) throw new Error(reply.reason);
    return new Agent(await Agent.dial(reply, `link ${reply.ticket}\n`), reply);
  }

  static async dial(address: { readonly host: string; readonly port: number }, greeting: string): Promise<Socket> {
    const socket = connect({ ...address, allowHalfOpen: true });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(greeting);
    return socket;
  }

  async publicPort(): Promise<number> {
    return eventually(() => Number(/^open 8080 (\d+)$/.exec(this.lines[0] ?? '')?.[1] ?? 0) || undefined, WAIT);
  }

  /** The next connection that has come. */
  async next(): Promise<string> {
    return eventually(() => {
      const at = this.lines.findIndex((line) => line.startsWith('carry '));
      return at < 0 ? undefined : this.lines.splice(at, 1)[0]?.split(' ')[1];
    }, WAIT);
  }

  carry(ticket: string): Promise<Socket> {
    return Agent.dial(this.address, `carry ${ticket}\n`);
  }
}

const client = async (port: number): Promise<Socket> => {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
};
/** Resolves when nothing comes from the other side any more. */
const closed = async (socket: Socket): Promise<void> => {
  socket.resume();
  await new Promise((resolve) => socket.once('end', resolve).once('close', resolve));
  socket.destroy();
};

describe('forwards of instances', () => {
  let agent: Agent;
  let port = 0;
  let silentOver: Promise<void>;

  beforeAll(async () => {
    harness = await startHarness();
    const rule = { inbound: true, proto: 'tcp', port: '8080', name: 'web', to: '127.0.0.0/8' };
    const answer = await harness.call('POST', '/tasks', {
      ...minimal,
      instanceCount: 1,
      forcedNetworkRules: [rule, { ...rule, proto: 'udp', name: 'names' }],
    });
    taskId = String(answer.json()['uuid']);
    await harness.happen(taskId, dispatched(aLease(0)), started(aRef(0)));
    nats().subscribe(RPC.secretRights, {
      callback: (_, message) => {
        const asked = secretRightsRequestSchema.parse(message.json());
        const current = asked.node === node && asked.leaseId === leaseId;
        message.respond(
          JSON.stringify({ ok: current ? { current, owner: 'o', keys: [], prefixes: [] } : { current } }),
        );
      },
    });
    await nats().flush();
    const reply = await ask();
    silentOver = closed(await Agent.dial(reply.granted ? reply : { host: '', port: 0 }, ''));
    agent = await Agent.link();
    port = await agent.publicPort();
  }, 120_000);
  afterAll(() => harness.close());

  it('lead over a connection of the agent to the instance, each direction with its end', async () => {
    const outer = await client(port);
    const inner = await agent.carry(await agent.next());
    outer.end('question');
    expect(await text(inner)).toBe('question');
    inner.end('answer');
    expect(await text(outer)).toBe('answer');
  });

  it('are given to nobody who does not hold the lease, and to no ticket that is made up, or used', async () => {
    expect(await ask({}, 'node-9')).toEqual({ granted: false, reason: 'the lease is not current on this node' });
    expect(await ask({ leaseId: 'another' })).toMatchObject({ granted: false });
    const outer = await client(port);
    const ticket = await agent.next();
    const inner = await agent.carry(ticket);
    for (const greeting of [ticket, 'x'.repeat(32), `${ticket}\nGET /`]) await closed(await agent.carry(greeting));
    const other = await Agent.dial({ host: '127.0.0.1', port: agent.link.remotePort ?? 0 }, 'GET / HTTP/1.1\r\n\r\n');
    await closed(other);
    inner.end('still');
    outer.end();
    expect(await text(outer)).toBe('still');
  });

  it('let who writes wait for who reads, and lose nothing', async () => {
    const much = Buffer.alloc(64_000_000, 'a');
    const outer = await client(port);
    const inner = await agent.carry(await agent.next());
    inner.end(much);
    await once(outer, 'readable');
    expect(inner.writableLength).toBeGreaterThan(0);
    outer.end();
    let got = 0;
    for await (const part of outer as AsyncIterable<Buffer>) got += part.length;
    expect(got).toBe(much.length);
  });

  it('take so many connections of one instance, and no more; those that find nobody give their place back', async () => {
    const all = await Promise.all(Array.from({ length: 300 }, () => client(port)));
    let over = 0;
    for (const socket of all) void closed(socket).then(() => (over += 1));
    await eventually(() => over === 44, WAIT);
    const tickets = agent.lines.splice(0).filter((line) => line.startsWith('carry '));
    expect(tickets).toHaveLength(256);
    for (const line of tickets) agent.link.write(`gone ${line.split(' ')[1]}\n`);
    await eventually(() => over === 300, WAIT);
    const outer = await client(port);
    const inner = await agent.carry(await agent.next());
    inner.destroy();
    await closed(outer);
  });

  /** What a node tells of the instance. */
  const told = (more: object): string => {
    const instance = {
      ...{ leaseId, taskId, instance: 0, phase: 'execution', cpuUsage: 0, memoryMB: 1, progress: 0 },
      ...{ networkInKbps: 0, networkOutKbps: 0, executionMs: 1, ghzSeconds: 0 },
      ways: [
        { port: 8_080, publicPort: port },
        { port: 22, publicPort: 22 },
      ],
      ...more,
    };
    const host = { nodeEpoch: 1, specificationKey: 'k', cpuModel: 'm', cores: 1, ghz: 1, maxGhz: 1 };
    return JSON.stringify({ ...host, instances: [instance] });
  };
  /** Where the forward is reached, as users are told. */
  const accessOf = async (): Promise<unknown> => {
    const found = (await harness.call('GET', `/v1/network/tasks/${taskId}/port-forward`)).json();
    const forwards = z.record(z.string(), z.record(z.string(), z.object({ access: z.unknown() }))).parse(found);
    return forwards['0']?.['web']?.access;
  };

  it('are told of by nodes, by the port alone, and only those that the task asks for', async () => {
    await eventually(
      async () => {
        nats().publish(liveSubject(node), told({}));
        return (await accessOf()) !== undefined;
      },
      { ...WAIT, everyMs: 1_000 },
    );
    expect((await harness.call('GET', `/v1/network/tasks/${taskId}/port-forward`)).json()).toEqual({
      '0': {
        web: {
          ...{ name: 'web', enabled: true, applicationType: '', proto: 'tcp', port: 8_080 },
          allowedIPs: ['127.0.0.0/8'],
          access: { publicHost: '127.0.0.1', publicPort: port },
        },
      },
    });
    const other = await harness.addAccount();
    expect(
      (await harness.call('GET', `/v1/network/tasks/${taskId}/port-forward`, undefined, { token: other })).status,
    ).toBe(404);
    const task = (await harness.call('GET', `/tasks/${taskId}`)).json();
    expect(task).toHaveProperty('status.runningInstancesInfo.perRunningInstanceInfo.0.activeForwards', [
      { applicationPort: 8_080, forwarderPort: port, forwarderHost: '127.0.0.1', bindAddress: '127.0.0.1' },
    ]);
    expect(task['notes']).toEqual(
      expect.arrayContaining([expect.stringContaining('forcedNetworkRules has no effect, names: only tcp')]),
    );
  });

  it('are reached where the process is that forwards, as it says itself: a node makes up no words of it', async () => {
    const reply = await ask();
    const sealer = harness.test.app.get(Sealer);
    const sealed = (words: object): string => sealer.sealWithMaster(JSON.stringify(words));
    const there = sealed({ use: 'fornax/forwarder', publicHost: 'b.example.org', host: '0.0.0.0' });
    const access = async (forwarder: string | undefined, publicHost: string): Promise<void> => {
      nats().publish(liveSubject(node), told(forwarder === undefined ? {} : { forwarder }));
      await eventually(async () => ((await accessOf()) as { publicHost?: string })?.publicHost === publicHost, WAIT);
    };
    await access(there, 'b.example.org');
    await access(reply.granted ? reply.forwarder : '', '127.0.0.1');
    await access(there, 'b.example.org');
    await access('made up', '127.0.0.1');
    await access(there, 'b.example.org');
    await access(sealed({ use: 'another', publicHost: 'evil', host: 'evil' }), '127.0.0.1');
    await access(there, 'b.example.org');
    await access(undefined, '127.0.0.1');
  });

  it('end with their lease, whatever its node says', async () => {
    const outer = await client(port);
    const inner = await agent.carry(await agent.next());
    await harness.happen(taskId, concluded(anEnd(0)));
    await Promise.all([outer, inner, agent.link].map(closed));
    await expect(client(port)).rejects.toThrow('ECONNREFUSED');
    await silentOver;
  });
});
