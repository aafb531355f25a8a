import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CONTROL_SERVICES, LEADER_BUCKET, SERVICE_RIGHTS, STREAMS, type ControlService } from '@fornax/contracts';
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type NatsConnection, headers } from '@nats-io/transport-node';
import { provision } from '../provision.js';
import { ensureConsumer } from './consume-batches.js';
import { openReader } from './consumer-maker.js';
import { PullFeed } from './pull-feed.js';
import { ServicesNats } from './services-nats.fixture.js';
import { ensureStreams } from './streams.js';

const SLOW_MS = 300_000;
const ALL_STREAMS = [...Object.values(STREAMS), 'KV_FX_LEADER'].sort();
let nats: ServicesNats;
let operator: NatsConnection;
let manager: JetStreamManager;
/** What reached a service, as `service subject`. */
let heard: string[] = [];

const as = (service: ControlService): NatsConnection => nats.as(service);
const settled = (): Promise<void> => nats.settled();

beforeAll(async () => {
  nats = await ServicesNats.start();
  ({ operator, manager } = nats);
  for (const [service, connection] of nats.services) {
    const { answers, hears } = SERVICE_RIGHTS[service];
    for (const subject of [...answers, ...hears])
      connection.subscribe(subject, {
        callback: (_error, message) => {
          heard.push(`${service} ${message.subject}`);
          message.respond('{}');
        },
      });
    await connection.flush();
  }
  for (const service of CONTROL_SERVICES)
    for (const { stream, durable, filter } of SERVICE_RIGHTS[service].takes)
      await ensureConsumer(as(service), { stream, durable, filterSubject: filter });
  await ensureConsumer(as('node-registry'), {
    stream: STREAMS.dispatch,
    durable: 'node-1',
    filterSubject: 'fx.dispatch.node-1',
  });
}, SLOW_MS);

afterAll(() => nats.stop());

beforeEach(() => {
  heard = [];
});

interface State {
  readonly messages: Readonly<Record<string, number>>;
  readonly consumers: readonly string[];
}
const stateOf = async (): Promise<State> => {
  const messages: Record<string, number> = {};
  const consumers: string[] = [];
  for await (const { config, state } of manager.streams.list()) {
    messages[config.name] = state.last_seq + state.messages;
    for await (const consumer of manager.consumers.list(config.name))
      consumers.push(`${config.name} ${consumer.name} ${consumer.num_pending} ${consumer.num_waiting}`);
  }
  return { messages, consumers: consumers.sort() };
};

/** Asks as a service. @returns what came back, or why nothing did */
const answer = async (from: NatsConnection, subject: string, body = '{}'): Promise<string> => {
  try {
    return (await from.request(subject, body, { timeout: 1_000 })).string();
  } catch (error) {
    return `nobody: ${String(error)}`;
  }
};

/** Where a message of a stream, or an empty one, does harm. */
const HARMFUL = [
  '$JS.API.STREAM.DELETE.FORNAX_EVENTS',
  '$JS.API.STREAM.PURGE.FX_REPORTS',
  '$JS.API.STREAM.PURGE.FORNAX_EVENTS',
  '$JS.API.CONSUMER.DELETE.FX_REPORTS.scheduler',
  '$KV.FX_LEADER.victim',
  'fx.ev.poison.x',
  'fx.dispatch.node-1',
  'fx.report.node-1',
];

/** One subject that a pattern of the table covers. */
const exampleOf = (pattern: string): string => pattern.replaceAll('*', 'node-1');
const aggregates = [...new Set(CONTROL_SERVICES.flatMap((service) => SERVICE_RIGHTS[service].appends))];
const takes = CONTROL_SERVICES.flatMap((service) => SERVICE_RIGHTS[service].takes);
const elections = CONTROL_SERVICES.flatMap((service) => SERVICE_RIGHTS[service].leads);

/** What changes something or is answered, whoever's it is: one subject of every line of the table, and every management of streams. */
const everything = (): readonly string[] => [
  ...aggregates.map((aggregate) => `fx.ev.${aggregate}.x`),
  'fx.ev.poison.x',
  'fx.dispatch.node-1',
  'fx.report.node-1',
  'fx.report.node-1.snapshot',
  'fx.log.node-1.task.0.stdout',
  ...elections.map((election) => `$KV.${LEADER_BUCKET}.${election}`),
  ...CONTROL_SERVICES.flatMap((service) => [...SERVICE_RIGHTS[service].answers, ...SERVICE_RIGHTS[service].hears]).map(
    exampleOf,
  ),
  ...ALL_STREAMS.flatMap((stream) => [
    ...[
      'CREATE',
      'UPDATE',
      'DELETE',
      'PURGE',
      'MSG.DELETE',
      'SNAPSHOT',
      'RESTORE',
      'LEADER.STEPDOWN',
      'PEER.REMOVE',
    ].map((verb) => `$JS.API.STREAM.${verb}.${stream}`),
    ...['PAUSE', 'RESET', 'UNPIN', 'LEADER.STEPDOWN'].map((verb) => `$JS.API.CONSUMER.${verb}.${stream}.scheduler`),
    `$JS.API.CONSUMER.LIST.${stream}`,
    `$JS.API.CONSUMER.NAMES.${stream}`,
  ]),
  '$JS.API.STREAM.LIST',
  '$JS.API.STREAM.NAMES',
  ...takes.flatMap(({ stream, durable }) => [
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
    `$JS.API.CONSUMER.INFO.${stream}.${durable}`,
    `$JS.API.CONSUMER.DELETE.${stream}.${durable}`,
    `$JS.ACK.${stream}.${durable}.1.1.1.1.0`,
    `fx.consumer.durable.${stream}.${durable}`,
  ]),
  '$JS.API.CONSUMER.MSG.NEXT.FX_DISPATCH.node-1',
  '$JS.API.CONSUMER.DELETE.FX_DISPATCH.node-1',
  '$JS.ACK.FX_DISPATCH.node-1.1.1.1.1.0',
  'fx.consumer.durable.FX_DISPATCH.node-1',
  'fx.consumer.read.FX_REPORTS',
  'fx.consumer.read.FX_DISPATCH',
  'fx.consumer.read.FX_LOGS',
  'fx.leave',
  'fx.restore.begin',
  'fx.restore.append',
  'fx.restore.finish',
  'fx.restoring.task.x',
  '$JS.API.STREAM.MSG.GET.FX_REPORTS',
  '$JS.API.STREAM.MSG.GET.FX_DISPATCH',
  '$JS.API.STREAM.MSG.GET.FX_LOGS',
  '$JS.API.DIRECT.GET.FORNAX_EVENTS',
  '$SYS.REQ.SERVER.PING',
  '$SYS.REQ.ACCOUNT.LOG.INFO',
];

const covers = (pattern: string, subject: string): boolean => {
  const [wanted, given] = [pattern.split('.'), subject.split('.')];
  if (wanted.at(-1) === '>')
    return (
      given.length >= wanted.length &&
      covers(wanted.slice(0, -1).join('.'), given.slice(0, wanted.length - 1).join('.'))
    );
  return wanted.length === given.length && wanted.every((word, at) => word === '*' || word === given[at]);
};

/** What the table gives, as this spec reads it. */
const isGiven = (service: ControlService, subject: string): boolean => {
  const {
    appends,
    sends,
    follows,
    purges,
    takes: taken,
    prepares,
    asks,
    tells,
    answers,
    hears,
    leads,
    restores,
  } = SERVICE_RIGHTS[service];
  return [
    ...appends.map((aggregate) => `fx.ev.${aggregate}.*`),
    ...sends,
    ...asks,
    ...tells,
    // What it answers itself stays in its account.
    ...answers,
    ...hears,
    ...restores,
    ...leads.map((election) => `$KV.${LEADER_BUCKET}.${election}`),
    ...follows.flatMap((stream) => [
      `fx.consumer.read.${stream}`,
      `$JS.API.STREAM.MSG.GET.${stream}`,
      `$JS.API.CONSUMER.*.${stream}.*`,
    ]),
    ...purges.map((stream) => `$JS.API.STREAM.PURGE.${stream}`),
    ...taken.flatMap(({ stream, durable }) => [
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
      `$JS.API.CONSUMER.INFO.${stream}.${durable}`,
      `$JS.ACK.${stream}.${durable}.>`,
      `fx.consumer.durable.${stream}.${durable}`,
    ]),
    ...prepares.flatMap((stream) => [`fx.consumer.durable.${stream}.*`, `$JS.API.CONSUMER.DELETE.${stream}.*`]),
  ].some((pattern) => covers(pattern, subject));
};

describe.each(CONTROL_SERVICES)('%s', (service) => {
  const rights = SERVICE_RIGHTS[service];
  const stored = async (subject: string): Promise<unknown> =>
    JSON.parse(await answer(as(service), subject, 'a test')) as unknown;

  it('has each right of the table', async () => {
    for (const aggregate of rights.appends)
      expect(await stored(`fx.ev.${aggregate}.x`)).toMatchObject({ stream: STREAMS.events });
    expect(await stored('fx.quarantine.x')).toMatchObject({ stream: STREAMS.quarantine });
    for (const pattern of rights.sends)
      expect(await stored(exampleOf(pattern))).toMatchObject({
        stream: pattern.startsWith('fx.dispatch.') ? STREAMS.dispatch : STREAMS.reports,
      });
    for (const election of rights.leads)
      expect(await stored(`$KV.${LEADER_BUCKET}.${election}`)).toMatchObject({ stream: `KV_${LEADER_BUCKET}` });
    for (const subject of rights.asks) expect(await answer(as(service), subject)).toBe('{}');
    for (const pattern of [...rights.tells, ...rights.asks]) as(service).publish(exampleOf(pattern));
    await settled();
    for (const pattern of [...rights.tells, ...rights.asks])
      expect(heard.filter((word) => word.endsWith(` ${exampleOf(pattern)}`))).not.toEqual([]);
  });

  it('finds the streams as it needs them, without a right to change any', async () => {
    await expect(ensureStreams(as(service))).resolves.toBeUndefined();
  });

  it('reads the streams of the table', async () => {
    await jetstream(operator).publish('fx.ev.task.read', 'a commit');
    await jetstream(operator).publish('fx.quarantine.read', 'a record');
    await jetstream(operator).publish('fx.log.node-1.task.0.stdout', 'output');
    for (const stream of [STREAMS.events, STREAMS.quarantine, ...rights.follows]) {
      const { name, pending } = await openReader(as(service), { stream, reader: service, from: { sequence: 1 } });
      expect(pending).toBeGreaterThan(0);
      const feed = new PullFeed(as(service), { stream, consumer: name, capacity: 10, isGapFatal: true });
      expect((await feed.next(1, AbortSignal.timeout(5_000))).map(({ sequence }) => sequence)).toEqual([1]);
      feed.close();
      await (await jetstreamManager(as(service), { checkAPI: false })).consumers.delete(stream, name);
    }
  });

  it('takes messages out of the streams of the table', async () => {
    for (const stream of rights.purges) {
      await jetstream(operator).publish('fx.log.node-1.purged.0.stdout', 'output');
      const filter = 'fx.log.*.purged.*.*';
      const reply = await answer(as(service), `$JS.API.STREAM.PURGE.${stream}`, JSON.stringify({ filter }));
      expect(JSON.parse(reply)).toMatchObject({ success: true, purged: 1 });
    }
  });

  it('takes and acknowledges what waits for it', async () => {
    for (const { stream, durable, filter } of rights.takes) {
      await jetstream(operator).publish(exampleOf(filter), 'a report');
      const feed = new PullFeed(as(service), { stream, consumer: durable, capacity: 10, isGapFatal: false });
      for (let waiting = 1; waiting > 0;) {
        const messages = await feed.next(10, AbortSignal.timeout(5_000));
        expect(messages.length).toBeGreaterThan(0);
        for (const { subject, reply, pending } of messages) {
          expect(subject).toBe(exampleOf(filter));
          await as(service).request(reply, '+ACK', { timeout: 5_000 });
          waiting = pending;
        }
      }
      feed.close();
      expect((await manager.consumers.info(stream, durable)).num_ack_pending).toBe(0);
    }
  });

  it('is refused everything else', async () => {
    const others = everything().filter((subject) => !isGiven(service, subject));
    expect(others.length).toBeGreaterThan(50);
    const before = await stateOf();
    const replies: string[] = [];
    const inbox = '_INBOX.others';
    const subscription = as(service).subscribe(`${inbox}.*`, {
      // The server says at once where nobody is reached.
      callback: (_error, message) =>
        void (message.headers?.code === 503 || replies.push(others[Number(message.subject.split('.')[2])] ?? '')),
    });
    for (const [at, subject] of others.entries()) as(service).publish(subject, '', { reply: `${inbox}.${at}` });
    await settled();
    subscription.unsubscribe();
    expect({ replies, heard: heard.filter((word) => !word.startsWith(`${service} `)), state: await stateOf() }).toEqual(
      {
        replies: [],
        heard: [],
        state: before,
      },
    );
  });

  it('makes no consumer, least of all one that delivers somewhere', async () => {
    await jetstream(operator).publish('fx.ev.task.bait', 'bait');
    await jetstream(operator).publish('fx.quarantine.bait', 'bait');
    const before = await stateOf();
    for (const stream of ALL_STREAMS)
      for (const [at, target] of HARMFUL.entries()) {
        const name = `push-${at}`;
        const config = { deliver_subject: target, ack_policy: 'none', deliver_policy: 'all', headers_only: true };
        const ask = (subject: string, more: object): void =>
          as(service).publish(
            `$JS.API.CONSUMER.${subject}`,
            JSON.stringify({ stream_name: stream, config: { ...config, ...more } }),
            { reply: '_INBOX.nobody' },
          );
        ask(`CREATE.${stream}`, {});
        ask(`CREATE.${stream}.${name}`, { name });
        ask(`CREATE.${stream}.${name}.fx.>`, { name, filter_subject: 'fx.>' });
        ask(`DURABLE.CREATE.${stream}.${name}`, { durable_name: name });
        for (const { durable, filter } of takes)
          ask(`CREATE.${stream}.${durable}.${filter}`, { durable_name: durable, filter_subject: filter });
        ask(`CREATE.${stream}.node-1.fx.dispatch.node-1`, {
          durable_name: 'node-1',
          filter_subject: 'fx.dispatch.node-1',
        });
      }
    await settled();
    expect(await stateOf()).toEqual(before);
  });

  it('has no consumer made that the table does not know, and nothing smuggled into a request', async () => {
    const before = await stateOf();
    const wrong: readonly (readonly [string, object])[] = [
      ['fx.consumer.read.FORNAX_EVENTS', { reader: 'x', from: { sequence: 1 }, deliver_subject: 'fx.dispatch.node-1' }],
      [
        'fx.consumer.read.FORNAX_EVENTS',
        { reader: 'x', from: { sequence: 1 }, config: { deliver_subject: 'fx.dispatch.node-1' } },
      ],
      ['fx.consumer.read.FORNAX_EVENTS', { reader: 'x.y', from: { sequence: 1 } }],
      [
        'fx.consumer.read.FORNAX_EVENTS',
        { reader: 'x', filterSubject: 'fx.ev.>\r\nPUB fx.ev.task.x 0\r\n', from: { sequence: 1 } },
      ],
      ['fx.consumer.durable.FX_DISPATCH.node-2', { filterSubject: 'fx.dispatch.node-1' }],
      ['fx.consumer.durable.FX_DISPATCH.node-2', { filterSubject: 'fx.dispatch.>' }],
      ['fx.consumer.durable.FX_REPORTS.scheduler', { filterSubject: 'fx.report.>' }],
      ['fx.consumer.durable.FX_REPORTS.snapshot', { filterSubject: 'fx.report.*' }],
    ];
    for (const [subject, body] of wrong)
      expect(await answer(as(service), subject, JSON.stringify(body))).toMatch(/^nobody|"error"/);
    expect(await stateOf()).toEqual(before);
  });

  it('sends no answer where it may not write itself', async () => {
    const before = await stateOf();
    const questions = [
      '$JS.API.INFO',
      '$JS.API.STREAM.INFO.FORNAX_EVENTS',
      'fx.consumer.read.FORNAX_EVENTS',
      ...rights.asks,
    ];
    const targets = everything().filter((subject) => !isGiven(service, subject));
    for (const question of questions) for (const reply of targets) as(service).publish(question, '', { reply });
    const traced = headers();
    traced.set('Nats-Trace-Dest', 'fx.ev.poison.trace');
    as(service).publish('$JS.API.INFO', '', { headers: traced });
    await settled();
    expect(await stateOf()).toEqual(before);
  });

  it('rolls no election up but its own', async () => {
    await jetstream(operator).publish(`$KV.${LEADER_BUCKET}.another`, 'held');
    for (const election of rights.leads) {
      const rolled = headers();
      rolled.set('Nats-Rollup', 'all');
      as(service).publish(`$KV.${LEADER_BUCKET}.${election}`, 'mine', { headers: rolled });
    }
    await settled();
    const kept = await manager.streams.getMessage(`KV_${LEADER_BUCKET}`, {
      last_by_subj: `$KV.${LEADER_BUCKET}.another`,
    });
    expect(kept?.string()).toBe('held');
  });
});

it('has a service say what to do about a log of an older release, which it may not change itself', async () => {
  const { description = '' } = (await manager.streams.info(STREAMS.events)).config;
  await manager.streams.update(STREAMS.events, { description: description.replace(/, format \d+$/, '') });
  await expect(ensureStreams(as('billing'))).rejects.toThrow(/older release.*infra\/provision\.mjs/);
  await provision(operator);
  await ensureStreams(as('billing'));
});
