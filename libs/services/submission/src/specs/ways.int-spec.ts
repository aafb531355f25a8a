import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rpcReplySchema } from '@fornax/base';
import {
  dispatchMessageSchema,
  dispatchSubject,
  instanceSessionSchema,
  liveSubject,
  nodeRpcSubject,
  RPC,
  secretRightsRequestSchema,
  waysReplySchema,
  type WaysReply,
  type WireInstanceSession,
} from '@fornax/contracts';
import type { TaskEvent } from '@fornax/domain';
import { aLease, anEnd, aRef, concluded, dispatched, started } from '@fornax/domain/specs';
import type { Nats } from '@fornax/event-store';
import { Sealer } from '@fornax/identity';
import { NATS } from '@fornax/service-kit';
import { eventually } from '@fornax/testing';
import { z } from 'zod';
import { minimal, startHarness, type Harness } from './submission.fixture.js';

const { leaseId, node } = aLease(0);
/** Leases that are current on the node. */
const ours = new Set([leaseId]);
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

  static async link(asked: object = {}): Promise<Agent> {
    const reply = await ask(asked);
    if (!reply.granted) throw new Error(reply.reason);
    return new Agent(await Agent.dial(reply, `link ${reply.ticket}\n`), reply);
  }

  /** A link that an order asks for. */
  static async of(
    order: { readonly host: string; readonly port: number; readonly ticket: string },
    word: string,
  ): Promise<Agent> {
    return new Agent(await Agent.dial(order, `link ${order.ticket}\n${word}\n`), order);
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
    harness = await startHarness({ FORNAX_SESSIONS_PER_ACCOUNT: '2', FORNAX_WAYS_PEERS: '2' });
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
        const current = asked.node === node && ours.has(asked.leaseId);
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

  const path = (instance = 0): string => `/fornax/v1/tasks/${taskId}/instances/${instance}/sessions`;
  const sh = { kind: 'exec', command: ['/bin/sh', '-c', 'echo hunter2'] };
  const open = (body: object = sh, token?: string): ReturnType<Harness['call']> =>
    harness.call('POST', path(), body, token === undefined ? {} : { token });
  /** Asks for a session, and does what an agent does with the order that comes of it. */
  const asked = async (word: string, body: object = sh, token?: string) => {
    const orders = nats().subscribe(dispatchSubject(node), { max: 1 });
    await nats().flush();
    const agentOf = async (): Promise<Agent> => {
      for await (const message of orders) {
        const [order] = dispatchMessageSchema.parse(message.json());
        if (order?.kind === 'enter' && order.leaseId === leaseId) return Agent.of(order, word);
      }
      throw new Error('it is told something else');
    };
    const [inner, answer] = await Promise.all([agentOf(), open(body, token)]);
    return { inner, answer };
  };
  const opened = async (body: object = sh, token?: string): Promise<{ inner: Agent; session: WireInstanceSession }> => {
    const { inner, answer } = await asked('ready', body, token);
    expect([answer.status, answer.text]).toEqual([200, answer.text]);
    return { inner, session: instanceSessionSchema.parse(answer.json()) };
  };
  const dial = ({ host, port: at, ticket }: Pick<WireInstanceSession, 'host' | 'port' | 'ticket'>): Promise<Socket> =>
    Agent.dial({ host, port: at }, `session ${ticket}\n`);
  const recorded = async (): Promise<readonly TaskEvent[]> =>
    (await harness.log.readAggregate('task', taskId)).flatMap(({ events }) =>
      events.filter((event): event is TaskEvent => event.type.startsWith('TaskSession')),
    );

  describe('sessions of their owner', () => {
    it('run a command over a connection of the agent, and are told of without its arguments', async () => {
      const { inner, session } = await opened();
      const outer = await dial(session);
      const ticket = await eventually(() => /^enter (\S+)$/.exec(inner.lines[0] ?? '')?.[1], WAIT);
      const carried = await inner.carry(ticket);
      outer.write('what is typed');
      await eventually(() => carried.readableLength > 0, WAIT);
      carried.write('what is shown');
      carried.end();
      inner.link.write(`over ${ticket} 7\n`);
      expect(await text(outer)).toBe('what is shown');
      outer.end();
      expect(await text(carried)).toBe(`${JSON.stringify({ command: sh.command })}\nwhat is typed`);
      await closed(inner.link);
      const events = await eventually(
        async () => ((await recorded()).length === 2 ? await recorded() : undefined),
        WAIT,
      );
      const at: unknown = expect.any(Number);
      const of = { session: session.uuid, instance: 0, at };
      expect(events).toEqual([
        {
          type: 'TaskSessionOpened',
          ...of,
          leaseId,
          kind: 'exec',
          program: 'sh',
          hasTerminal: false,
          carrier: expect.any(String) as unknown,
        },
        { type: 'TaskSessionEnded', ...of, exitCode: 7, bytesIn: 13, bytesOut: 13 },
      ]);
      const history = await harness.call('GET', `/fornax/v1/tasks/${taskId}/events`);
      expect(history.text).toContain('TaskSessionOpened');
      expect(history.text).not.toContain('hunter2');
      // A ticket is good once.
      await closed(await dial(session));
    });

    it('reach a port for each connection that is asked for, and end with the instance', async () => {
      const { inner, session } = await opened({ kind: 'forward', port: 5_432 });
      const control = await dial(session);
      control.write('connect\n');
      const [line] = (await once(control, 'data')) as [Buffer];
      const outer = await dial({ ...session, ticket: /^ticket (\S+)$/.exec(line.toString().trim())?.[1] ?? '' });
      const ticket = await eventually(() => /^reach (\S+) 5432$/.exec(inner.lines[0] ?? '')?.[1], WAIT);
      const carried = await inner.carry(ticket);
      carried.end('of the instance');
      outer.end('of its owner');
      expect(await Promise.all([text(outer), text(carried)])).toEqual(['of the instance', 'of its owner']);
      inner.link.destroy();
      await closed(control);
      await eventually(async () => (await recorded()).length === 4, WAIT);
      expect((await recorded()).at(-1)).toMatchObject({ bytesIn: 12, bytesOut: 15 });
    });

    it('are nobody else’s, and say why there is none', async () => {
      const stranger = await harness.addAccount();
      expect((await open(sh, stranger)).status).toBe(404);
      expect((await harness.call('POST', path(1), sh)).status).toBe(404);
      expect((await harness.call('POST', path().replace('/0/', '/x/'), sh)).status).toBe(404);
      for (const wrong of [
        {},
        { kind: 'exec', command: [] },
        { ...sh, command: ['a\0'] },
        { kind: 'forward', port: 0 },
      ])
        expect((await open(wrong)).status).toBe(400);
      const { answer: cannot } = await asked('cannot there is no way in');
      expect({ status: cannot.status, ...cannot.json() }).toMatchObject({
        status: 409,
        message: 'Instance 0 cannot be entered: there is no way in',
      });
      const late = await open();
      expect([late.status, late.text]).toEqual([409, expect.stringContaining('does not answer')]);
      expect(await recorded()).toHaveLength(4);
    });

    it('end when who opened them would not be let in any more: the token is revoked, expires, the account is disabled, or the role is lost', async () => {
      const before = (await recorded()).length;
      const api = async (method: string, path: string, body: object): Promise<Record<string, string>> => {
        const answer = await harness.call(method, `/fornax/v1${path}`, body);
        expect([answer.status, answer.text]).toEqual([200, answer.text]);
        return answer.json();
      };
      const soon = (): object => ({ expirationDate: new Date(Date.now() + 5_000).toISOString() });
      for (const [name, more, end] of [
        ['revoked', () => ({}), (of: string, id = '') => harness.call('DELETE', `/fornax/v1${of}/tokens/${id}`)],
        ['expires', soon, () => Promise.resolve()],
        ['disabled', () => ({}), (of: string) => api('PATCH', of, { disabled: true })],
        ['demoted', () => ({}), (of: string) => api('PATCH', of, { role: 'user' })],
      ] as const) {
        const user = await api('POST', '/users', { email: `${name}@example.org`, role: 'operator' });
        const of = `/users/${user['uuid']}`;
        const token = await api('POST', `${of}/tokens`, { name: 'test', ...more() });
        const { inner, session } = await opened({ kind: 'forward', port: 80 }, token['token']);
        const control = await dial(session);
        control.write('connect\n');
        await once(control, 'data');
        const over = Promise.all([closed(control), closed(inner.link)]);
        await end(of, token['id']);
        await over;
      }
      await eventually(async () => (await recorded()).length === before + 8, WAIT);
    });

    it('are so many of one account, and give their places back', async () => {
      const two = [await opened(), await opened()];
      expect([(await open()).status, (await open()).text]).toEqual([409, expect.stringContaining('2 sessions open')]);
      for (const { session } of two) (await dial(session)).destroy();
      await Promise.all(two.map(({ inner }) => closed(inner.link)));
      const { session } = await opened();
      (await dial(session)).destroy();
      await eventually(async () => (await recorded()).length === 18, WAIT);
    });

    it('have one end each, also when nobody carries them any more; what has an end is not carried on', async () => {
      const opened_ = { type: 'TaskSessionOpened', instance: 0, leaseId, kind: 'exec', at: Date.now() } as const;
      const { inner, session } = await opened({ kind: 'forward', port: 81 });
      const carrier = (await recorded()).flatMap((event) =>
        event.type === 'TaskSessionOpened' && event.session === session.uuid ? (event.carrier ?? []) : [],
      )[0];
      expect(carrier).toEqual(expect.any(String));
      const lost = ['of-a-process-that-is-gone', 'of-this-one'];
      await harness.happen(
        taskId,
        { ...opened_, session: lost[0] ?? '', carrier: 'gone' },
        { ...opened_, session: lost[1] ?? '', carrier: carrier ?? '' },
        { ...opened_, session: 'of-one-of-before' },
      );
      const control = await dial(session);
      const ends = async (): Promise<readonly TaskEvent[]> =>
        (await recorded()).filter((event) => event.type === 'TaskSessionEnded' && lost.includes(event.session));
      const told = await eventually(async () => ((await ends()).length >= 2 ? await ends() : undefined), {
        timeoutMs: 40_000,
      });
      expect(told.map((event) => (event.type === 'TaskSessionEnded' ? event.session : '')).toSorted()).toEqual(
        lost.toSorted(),
      );
      for (const end of told) expect(end).toMatchObject({ because: 'carrier-lost', bytesIn: 0, bytesOut: 0 });
      // The one that goes on was left alone. Another process takes this one for dead.
      expect(
        (await recorded()).some((event) => event.type === 'TaskSessionEnded' && event.session === session.uuid),
      ).toBe(false);
      const end = { session: session.uuid, instance: 0, bytesIn: 0, bytesOut: 0, because: 'carrier-lost' } as const;
      await harness.happen(taskId, { type: 'TaskSessionEnded', ...end, at: Date.now() });
      await Promise.all([closed(control), closed(inner.link)]);
      expect(await ends()).toHaveLength(2);
      expect(JSON.stringify((await recorded()).filter(({ type }) => type === 'TaskSessionEnded'))).not.toContain(
        'before',
      );
      expect(
        (await recorded()).filter((event) => event.type === 'TaskSessionEnded' && event.session === session.uuid),
      ).toHaveLength(1);
    }, 90_000);
  });

  it('lead from an instance to another of its task, at the ports that its profile has for that, and to nobody else', async () => {
    const { json } = await harness.call('POST', '/tasks', { ...minimal, profile: 'docker-cluster', instanceCount: 2 });
    const cluster = String(json()['uuid']);
    const [first, second] = await Promise.all(
      [0, 1].map((instance) => {
        ours.add(`cluster-${instance}`);
        return Agent.link({ leaseId: `cluster-${instance}`, taskId: cluster, instance });
      }),
    );
    if (!first || !second) throw new Error('no links');
    const answer = async (number: number): Promise<string> =>
      eventually(() => first.lines.find((line) => new RegExp(`^(meet|alone|full) ${number}( |$)`).test(line)), WAIT);
    const ask = (number: number, instance: number, port: number): void =>
      void first.link.write(`peer ${number} ${instance} ${port}\n`);
    // Until the link of the other one is there.
    let met = 100;
    const isMet = async (): Promise<boolean> => {
      ask((met += 1), 1, 7000);
      return eventually(
        () => first.lines.includes(`alone ${met}`) || second.lines.some((line) => line.startsWith('carry ')),
        WAIT,
      ).then(() => !first.lines.includes(`alone ${met}`));
    };
    await eventually(isMet, WAIT);
    const inner = await second.carry(await second.next());
    const [, , ticket = ''] = (await answer(met)).split(' ');
    const outer = await first.carry(ticket);
    outer.end('token');
    expect(await text(inner)).toBe('token');
    inner.end('thanks');
    expect(await text(outer)).toBe('thanks');

    // Another port, nobody, and what does not listen yet.
    ask(2, 1, 7001);
    ask(3, 2, 7000);
    ask(4, 1, 7000);
    second.link.write(`gone ${await second.next()}\n`);
    for (const number of [2, 3, 4]) expect(await answer(number)).toBe(`alone ${number}`);
    // A task of another profile has no peers, and another one's are not among them.
    agent.link.write('peer 9 1 7000\npeer 8 0 8080\n');
    await eventually(() => agent.lines.includes('alone 9') && agent.lines.includes('alone 8'), WAIT);
    // As many as an account may have: whoever asks for more hears of it at once, and other connections have places of their own.
    ask(5, 1, 7000);
    const held = await second.next();
    ask(6, 1, 7000);
    expect(await answer(6)).toBe('full 6');
    const outside = await client(port);
    (await agent.carry(await agent.next())).end('of its own');
    outside.end();
    expect(await text(outside)).toBe('of its own');
    second.link.write(`gone ${held}\n`);
    expect(await answer(5)).toBe('alone 5');
    for (const { link } of [first, second]) link.destroy();
  });

  it('end with their lease, whatever its node says', async () => {
    const outer = await client(port);
    const inner = await agent.carry(await agent.next());
    await harness.happen(taskId, concluded(anEnd(0)));
    await Promise.all([outer, inner, agent.link].map(closed));
    await expect(client(port)).rejects.toThrow('ECONNREFUSED');
    await silentOver;
  });

  it('end, and are told to have ended, when the platform stops', async () => {
    const answer = await harness.call('POST', '/tasks', { ...minimal, instanceCount: 1 });
    taskId = String(answer.json()['uuid']);
    await harness.happen(taskId, dispatched(aLease(0)), started(aRef(0)));
    const { inner, session } = await opened();
    const outer = await dial(session);
    const over = Promise.all([closed(outer), closed(inner.link)]);
    await harness.restart({});
    await over;
    expect((await recorded()).at(-1)).toMatchObject({ type: 'TaskSessionEnded', session: session.uuid });
  });

  it('are none where sessions are turned off', async () => {
    const needs = async (): Promise<unknown> => {
      const { uuid } = (await harness.call('GET', `/fornax/v1/users/${harness.email}`)).json();
      const body = JSON.stringify({ profile: 'docker-network-ssh', accountId: uuid });
      return (await nats().request(RPC.profileNeeds, body)).json();
    };
    expect(await needs()).toMatchObject({ ok: { needs: { waysIn: true } } });
    await harness.restart({ FORNAX_WAYS: 'off' });
    // The search of nodes leaves out what the scheduler does not look at, either.
    expect(await needs()).not.toHaveProperty('ok.needs.waysIn');
    const off = await harness.call('POST', `/fornax/v1/tasks/${taskId}/instances/0/sessions`, {
      kind: 'exec',
      command: ['true'],
    });
    expect([off.status, off.text]).toEqual([403, expect.stringContaining('turned off')]);
  });
});
