import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  NATS_SOURCES,
  type NatsCredentials,
  type NatsServer,
  nodeInboxPrefix,
  provisionNats,
  startNats,
} from '@fornax/embedded';
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type Msg, type NatsConnection, connect, createInbox, headers } from '@nats-io/transport-node';
import { eventually } from '@fornax/testing';
import { provision } from '../provision.js';
import { consumeBatches } from './consume-batches.js';

const SLOW_MS = 300_000;
let folder: string;
let server: NatsServer;
/** Sees and may do everything in the account that owns the log. */
let log: NatsConnection;
let manager: JetStreamManager;
/** Whoever answers nodes. */
let platform: NatsConnection;
/** The attacker. */
let node: NatsConnection;
let victim: NatsConnection;
/** Requests and words that reached the platform, by subject. */
let heard: string[] = [];
let violations: string[] = [];

const connectAs = (who: NatsCredentials | undefined, inboxPrefix = '_INBOX'): Promise<NatsConnection> =>
  connect({ servers: server.url, user: who?.user ?? '', pass: who?.password ?? '', inboxPrefix, reconnect: false });

const watchViolations = async (connection: NatsConnection): Promise<void> => {
  for await (const status of connection.status()) if (status.type === 'error') violations.push(status.error.message);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-attacks-'));
  const source = NATS_SOURCES.find((name) => name === process.env['FORNAX_NATS_SOURCE']) ?? 'auto';
  const binary = await provisionNats({ toolsDir: process.env['FORNAX_TOOLS_DIR'] ?? join(folder, 'tools'), source });
  server = await startNats({ binary, dataDir: join(folder, 'nats'), nodes: ['node-1', 'node-2'], layout: 'platform' });
  log = await connectAs(await operator());
  await provision(log);
  manager = await jetstreamManager(log);
  for (const name of ['node-1', 'node-2'])
    await manager.consumers.add('FX_DISPATCH', {
      durable_name: name,
      filter_subject: `fx.dispatch.${name}`,
      ack_policy: 'explicit',
    });
  await manager.consumers.add('FX_REPORTS', {
    durable_name: 'scheduler',
    filter_subject: 'fx.report.*',
    ack_policy: 'explicit',
  });
  platform = await connectAs(server.credentials.services.platform);
  for (const subject of ['fx.rpc.node.*.*', 'fx.hb.*', 'fx.live.*'])
    platform.subscribe(subject, {
      callback: (_error, msg: Msg) => {
        heard.push(msg.subject);
        msg.respond(JSON.stringify({ ok: {} }));
      },
    });
  await platform.flush();
  node = await connectAs(server.credentials.nodes['node-2'], nodeInboxPrefix('node-2'));
  victim = await connectAs(server.credentials.nodes['node-1'], nodeInboxPrefix('node-1'));
  void watchViolations(node);
}, SLOW_MS);

const operator = async (): Promise<NatsCredentials> => {
  const passwords = JSON.parse(await readFile(join(folder, 'nats', 'nats.json'), 'utf8')) as Record<string, string>;
  return { user: 'service/operator', password: passwords['service/operator'] ?? '' };
};

afterAll(async () => {
  for (const connection of [node, victim, platform, log]) await connection.close();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

interface State {
  readonly streams: Readonly<Record<string, number>>;
  readonly pending: Readonly<Record<string, number>>;
}

/** What an attack could change: messages of every stream, and what waits for every consumer. */
const stateOf = async (): Promise<State> => {
  const streams: Record<string, number> = {};
  for await (const { config, state } of manager.streams.list()) streams[config.name] = state.last_seq;
  const pending: Record<string, number> = {};
  for (const [stream, consumer] of [
    ['FX_DISPATCH', 'node-1'],
    ['FX_REPORTS', 'scheduler'],
  ] as const) {
    const info = await manager.consumers.info(stream, consumer);
    pending[`${consumer} waits`] = info.num_pending + info.num_ack_pending;
    pending[`${consumer} is asked`] = info.num_waiting;
  }
  return { streams, pending };
};

/** Everything that the server did with what was sent before. */
const settled = async (): Promise<void> => {
  for (const connection of [node, platform, log, node, platform]) await connection.flush();
};

beforeEach(async () => {
  await settled();
  heard = [];
  violations = [];
});

/** Places where an answer would do harm. */
const TARGETS = [
  '$JS.API.STREAM.DELETE.FORNAX_EVENTS',
  '$JS.API.STREAM.PURGE.FX_REPORTS',
  '$JS.API.STREAM.DELETE.KV_FX_LEADER',
  '$JS.API.CONSUMER.DELETE.FX_DISPATCH.node-1',
  '$JS.API.CONSUMER.MSG.NEXT.FX_DISPATCH.node-1',
  '$JS.API.CONSUMER.MSG.NEXT.FX_REPORTS.scheduler',
  '$KV.FX_LEADER.scheduler',
  'fx.ev.task.poison',
  'fx.quarantine.x',
  'fx.yield.task.x',
  'fx.dispatch.node-1',
  'fx.report.node-1',
  'fx.report.node-1.snapshot',
  'fx.log.node-1.task.0.stdout',
  'fx.hb.node-1',
  'fx.live.node-1',
  'fx.rpc.node.node-1.join',
  'fx.rpc.node.node-1.leave',
  'fx.rpc.scheduler.waiting',
  '$SYS.REQ.SERVER.PING',
  '_R_.x.y',
];

/** Everything of a node's own that is answered, by whoever. */
const QUESTIONS: readonly (readonly [string, string])[] = [
  ['$JS.API.CONSUMER.MSG.NEXT.FX_DISPATCH.node-2', '{"batch":1,"no_wait":true}'],
  ['$JS.API.CONSUMER.MSG.NEXT.FX_DISPATCH.node-2', 'not a request'],
  ['fx.report.node-2', 'x'],
  ['fx.report.node-2.snapshot', 'x'],
  ['fx.log.node-2.task.0.stdout', 'x'],
  ['fx.rpc.node.node-2.join', '{}'],
  ['fx.rpc.node.node-2.leave', '{}'],
  ['fx.rpc.node.node-2.grant', '{}'],
  ['fx.rpc.node.node-2.snapshot-grant', '{}'],
  ['fx.rpc.node.node-2.state-saved', '{}'],
  ['fx.rpc.node.node-2.output-read', '{}'],
  ['fx.hb.node-2', '{}'],
  ['fx.live.node-2', '{}'],
  ['$JS.ACK.FX_DISPATCH.node-2.1.1.1.1.0', '+ACK'],
  ['$JS.ACK.FX_DISPATCH.node-2.1.1.1.1.0', '+NXT {"batch":1,"no_wait":true}'],
];

/** Streams that a question itself is stored in. */
const own = (subject: string): string | undefined => {
  if (subject.startsWith('fx.report.')) return 'FX_REPORTS';
  return subject.startsWith('fx.log.') ? 'FX_LOGS' : undefined;
};

describe('a node that names a harmful place for an answer', () => {
  it.each(QUESTIONS)('changes nothing with %s %s', async (subject, body) => {
    await jetstream(log).publish('fx.dispatch.node-1', 'an order of node-1');
    for (const reply of TARGETS) {
      const before = await stateOf();
      node.publish(subject, body, { reply });
      await settled();
      const after = await stateOf();
      const stored = own(subject);
      const mayReport = stored === 'FX_REPORTS' && subject === 'fx.report.node-2' ? 1 : 0;
      // A reply subject that the server reserves is refused with its message.
      const grown = stored === undefined ? 0 : (after.streams[stored] ?? 0) - (before.streams[stored] ?? 0);
      expect([0, 1]).toContain(grown);
      expect({ reply, ...after }).toEqual({
        reply,
        streams:
          stored === undefined
            ? before.streams
            : { ...before.streams, [stored]: (before.streams[stored] ?? 0) + grown },
        pending: { ...before.pending, 'scheduler waits': (before.pending['scheduler waits'] ?? 0) + mayReport * grown },
      });
      expect({ reply, heard: heard.filter((word) => !word.includes('node-2')) }).toEqual({ reply, heard: [] });
    }
  });

  it('cannot send the orders that wait for it elsewhere', async () => {
    for (const reply of TARGETS) {
      await jetstream(log).publish('fx.dispatch.node-2', 'an order of node-2');
      const before = await stateOf();
      node.publish('$JS.API.CONSUMER.MSG.NEXT.FX_DISPATCH.node-2', '{"batch":1,"no_wait":true}', { reply });
      await settled();
      expect({ reply, ...(await stateOf()) }).toEqual({ reply, ...before });
      expect({ reply, heard }).toEqual({ reply, heard: [] });
    }
  });

  it('cannot acknowledge what was given to others', async () => {
    const fetched = async (stream: string, consumer: string): Promise<readonly string[]> => {
      const inbox = createInbox();
      const messages = log.subscribe(inbox, { max: 1, timeout: 5_000 });
      log.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, '{"batch":1,"expires":5000000000}', {
        reply: inbox,
      });
      return (await Array.fromAsync(messages)).map(({ reply }) => reply ?? '');
    };
    await jetstream(log).publish('fx.dispatch.node-1', 'for node-1');
    await jetstream(log).publish('fx.report.node-1', 'a report of node-1');
    const acknowledgements = [
      ...(await fetched('FX_DISPATCH', 'node-1')),
      ...(await fetched('FX_REPORTS', 'scheduler')),
    ];
    expect(acknowledgements).toHaveLength(2);
    const before = await stateOf();
    for (const reply of acknowledgements)
      for (const [subject, body] of QUESTIONS) if (own(subject) === undefined) node.publish(subject, body, { reply });
    await settled();
    expect(await stateOf()).toEqual(before);
  });
});

describe('a node that publishes or listens elsewhere', () => {
  it('is refused everything that is not its own', async () => {
    const before = await stateOf();
    for (const subject of TARGETS) node.publish(subject, '');
    node.publish('$JS.API.CONSUMER.CREATE.FX_DISPATCH.node-2.fx.dispatch.node-1', '{}');
    node.publish('$JS.API.CONSUMER.INFO.FX_DISPATCH.node-2', '{}');
    node.publish('$JS.hub.API.STREAM.DELETE.FORNAX_EVENTS', '');
    await settled();
    expect(await stateOf()).toEqual(before);
    expect(heard).toEqual([]);
  });

  it.each(['>', 'fx.>', '_INBOX.>', '_INBOX_node-1.>', '_R_.>', '$SYS.>', '$JS.>', 'fx.dispatch.node-1', '*.*.*'])(
    'hears nothing on %s',
    async (subject) => {
      const taken: string[] = [];
      node.subscribe(subject, { callback: (error, msg) => void (error ?? taken.push(msg.subject)) });
      await settled();
      const reply = victim.request('fx.rpc.node.node-1.grant', '{}', { timeout: 5_000 });
      await jetstream(log).publish('fx.dispatch.node-1', 'for node-1 alone');
      await reply;
      await settled();
      expect(taken).toEqual([]);
    },
  );

  it('cannot have the way of a message told to a place that it may not write to', async () => {
    const before = await stateOf();
    const traced = headers();
    traced.set('Nats-Trace-Dest', 'fx.ev.task.poison');
    node.publish('fx.hb.node-2', '{}', { headers: traced });
    await settled();
    expect((await stateOf()).streams).toEqual(before.streams);
  });
});

describe('what a node needs', () => {
  it('works: reports, output, orders, requests, beats', async () => {
    const question = (subject: string) => victim.request(subject, '{}', { timeout: 5_000 });
    expect((await question('fx.report.node-1')).json()).toMatchObject({ stream: 'FX_REPORTS' });
    expect((await question('fx.log.node-1.task.0.stdout')).json()).toMatchObject({ stream: 'FX_LOGS' });
    expect((await question('fx.rpc.node.node-1.grant')).json()).toEqual({ ok: {} });
    await jetstream(log).publish('fx.dispatch.node-1', 'the order');
    const { pending: before } = await stateOf();
    const inbox = createInbox(nodeInboxPrefix('node-1'));
    const orders = victim.subscribe(inbox, { max: 1, timeout: 5_000 });
    victim.publish('$JS.API.CONSUMER.MSG.NEXT.FX_DISPATCH.node-1', '{"batch":1,"expires":5000000000}', {
      reply: inbox,
    });
    const [order] = await Array.fromAsync(orders);
    expect(order?.subject).toBe('fx.dispatch.node-1');
    order?.respond('+ACK');
    await victim.flush();
    await log.flush();
    expect((await stateOf()).pending['node-1 waits']).toBe((before['node-1 waits'] ?? 0) - 1);
    victim.publish('fx.hb.node-1', '{}');
    victim.publish('fx.live.node-1', '{}');
    await victim.flush();
    await settled();
    expect(heard).toEqual(expect.arrayContaining(['fx.hb.node-1', 'fx.live.node-1']));
  });

  it('leaves, after all of the above, the log and the election as they were', async () => {
    await settled();
    const { streams } = await stateOf();
    expect(streams).toMatchObject({ FORNAX_EVENTS: 0, KV_FX_LEADER: 0 });
    expect(Object.keys(streams).sort()).toEqual([
      'FORNAX_EVENTS',
      'FX_DISPATCH',
      'FX_LOGS',
      'FX_QUARANTINE',
      'FX_REPORTS',
      'KV_FX_LEADER',
    ]);
  });
});

describe('a node that says nothing, many times', () => {
  it('holds up others once: an empty message ends an answer between accounts, so messages are asked for one by one after it', async () => {
    const over = new AbortController();
    const taken: string[] = [];
    const errors: unknown[] = [];
    const options = { stream: 'FX_REPORTS', durable: 'scheduler', filterSubject: 'fx.report.*', signal: over.signal };
    const done = consumeBatches(platform, { ...options, onError: (error) => errors.push(error) }, (messages) => {
      taken.push(...messages.map(({ data }) => Buffer.from(data).toString()));
      return Promise.resolve();
    });
    // What was not acknowledged in time comes again.
    const reports = () => [...new Set(taken.filter((text) => text.startsWith('report')))].sort();
    // What the server sends to nobody after the first one comes again when its time to be acknowledged is over.
    await manager.consumers.update('FX_REPORTS', 'scheduler', { ack_wait: 1e9 });
    node.publish('fx.report.node-2', '');
    await eventually(() => taken.includes(''));
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 100; i += 1) node.publish('fx.report.node-2', '');
      victim.publish('fx.report.node-1', `report ${round}`);
      await node.flush();
      await victim.flush();
    }
    await eventually(() => taken.length >= 304 && reports().length === 3);
    expect([errors, reports()]).toEqual([[], ['report 0', 'report 1', 'report 2']]);
    over.abort();
    await done;
  }, 60_000);
});
