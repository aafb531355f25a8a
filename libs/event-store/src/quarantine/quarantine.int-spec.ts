import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { NatsConnection } from '@nats-io/nats-core';
import { STREAMS, encodeCommit, eventSubject, type RecordedCommit } from '@fornax/contracts';
import { type TestNats, aCommit, cancelRequested, eventually, startTestNats, submitted } from '@fornax/testing';
import fc from 'fast-check';
import { AggregateStopped } from '../log/event-log.js';
import { connectNats } from '../jetstream/connection.js';
import { DurablePublisher } from '../jetstream/durable-publisher.js';
import { JetStreamLog } from '../jetstream-log/jetstream.event-log.js';
import { managerOf } from '../jetstream/streams.js';

const SLOW_MS = 120_000;
const encoder = new TextEncoder();
const operator = (reason: string | null = null) => ({ at: 1, by: 'user:ada', reason });

/** Everything that is no commit, each on a subject of the log. */
const POISONS: readonly (readonly [what: string, subject: string, body: Uint8Array])[] = [
  ["a server's answer", 'fx.ev.task.poison', encoder.encode('{"stream":"FX_LOGS","seq":1}')],
  ['no JSON', 'fx.ev.task.a', encoder.encode('x')],
  ['nothing', 'fx.ev.task.a', new Uint8Array()],
  ['no text', 'fx.ev.node.n', new Uint8Array([0xff, 0x1f, 0x8b, 0x08])],
  ['an unknown aggregate', 'fx.ev.ghost.a', encodeCommit(aCommit('g', [submitted('g')]), 'task', 'g')],
  ['a subject with too many parts', 'fx.ev.task.a.b', encodeCommit(aCommit('g', [submitted('g')]), 'task', 'g')],
  ['a subject that is not encoded', 'fx.ev.task.%', encodeCommit(aCommit('g', [submitted('g')]), 'task', 'g')],
  ['the commit of another aggregate', 'fx.ev.node.a', encodeCommit(aCommit('g', [submitted('a')]), 'task', 'a')],
  ['the commit of another task', 'fx.ev.task.b', encodeCommit(aCommit('g', [submitted('a')]), 'task', 'a')],
  [
    'a version of the future',
    'fx.ev.task.a',
    encoder.encode(
      new TextDecoder().decode(encodeCommit(aCommit('g', [submitted('a')]), 'task', 'a')).replace(/\.v\d+/, '.v999'),
    ),
  ],
];

let server: TestNats;
let nc: NatsConnection;
let log: JetStreamLog;
let publisher: DurablePublisher;
let over: AbortController;
let number = 0;

beforeAll(async () => {
  server = await startTestNats();
  nc = await connectNats({ ...server, name: 'test' });
}, SLOW_MS);
afterAll(async () => {
  await nc.close();
  await server.stop();
});
beforeEach(async () => {
  const jsm = await managerOf(nc);
  for (const stream of [STREAMS.events, STREAMS.quarantine]) await jsm.streams.delete(stream).catch(() => undefined);
  log = await JetStreamLog.open(nc);
  publisher = new DurablePublisher(nc);
  over = new AbortController();
});
afterEach(() => {
  over.abort();
  publisher.close();
  log.close();
});

const submit = (id: string, on = log) => on.append('task', id, aCommit(`submit-${id}`, [submitted(id)]), 0);
const poison = async (subject: string, body: Uint8Array): Promise<number> =>
  (await publisher.publish(subject, body, { msgId: `${subject}/poison-${(number += 1)}` })).seq;
const allOf = async (on = log): Promise<readonly RecordedCommit[]> => {
  const all: RecordedCommit[] = [];
  for await (const batch of on.read({ from: 1 })) all.push(...batch);
  return all;
};
const idsOf = (commits: readonly RecordedCommit[]): readonly string[] => commits.map(({ id }) => id);
const follow = (on = log) => {
  const seen: string[] = [];
  let position = 0;
  const done = on.subscribe(
    { from: 1, signal: over.signal, onProgress: (sequence) => (position = sequence) },
    (batch) => {
      seen.push(...idsOf(batch));
      return Promise.resolve();
    },
  );
  return { seen, done, position: () => position };
};

describe('a message of the log that nobody can read', () => {
  it.each(POISONS)('is left out and told: %s', async (_, subject, body) => {
    await submit('before');
    const sequence = await poison(subject, body);
    await submit('after');
    const { seen, position } = follow();
    await eventually(() => position() === 3);
    expect(seen).toEqual(['submit-before', 'submit-after']);
    expect(idsOf(await allOf())).toEqual(seen);
    expect(log.quarantine.list()).toMatchObject([
      { id: `events-${sequence}`, state: 'open', what: { subject, sequence, sizeBytes: body.length } },
    ]);
  });

  it('is known to every process, also to one that starts later and never meets it', async () => {
    await poison('fx.ev.task.poison', encoder.encode('x'));
    await allOf();
    const told = log.quarantine.list();
    const later = await JetStreamLog.open(nc);
    expect(later.quarantine.list()).toEqual(told);
    const again: string[] = [];
    later.quarantine.onChange(({ id }) => again.push(id));
    await allOf(later);
    expect(again).toEqual([]);
    later.close();
  });

  it('stops the commands of its own aggregate until it is dropped, and no others', async () => {
    const first = await submit('a');
    const sequence = await poison(eventSubject('task', 'a'), encoder.encode('x'));
    const cancel = () => log.append('task', 'a', aCommit('cancel-a', [cancelRequested]), first);
    await expect(cancel()).rejects.toBeInstanceOf(AggregateStopped);
    await expect(cancel()).rejects.toThrow(
      `task a is stopped: message ${sequence} of its events cannot be read (it is not JSON). An operator can look at it and decide: fornax log quarantine show events-${sequence}`,
    );
    expect(idsOf(await log.readAggregate('task', 'a'))).toEqual(['submit-a']);
    await submit('b');
    await log.quarantine.decide(`events-${sequence}`, { kind: 'dropped', ...operator('an attack') });
    expect(await cancel()).toBe(sequence + 2);
    expect(await cancel()).toBe(sequence + 2);
    expect(idsOf(await allOf())).toEqual(['submit-a', 'submit-b', 'cancel-a']);
    expect(log.quarantine.get(`events-${sequence}`)).toMatchObject({
      state: 'dropped',
      decision: { by: 'user:ada', reason: 'an attack' },
    });
  });

  it('stays left out when a newer version could read it, until an operator says otherwise', async () => {
    await submit('a');
    const commit = encodeCommit(aCommit('odd', [cancelRequested]), 'task', 'a');
    const sequence = (await publisher.publish(eventSubject('task', 'a'), commit, { msgId: 'fx.ev.task.a/odd' })).seq;
    // As the older version found it.
    log.quarantine.noticeEvent({
      stream: STREAMS.events,
      sequence,
      subject: eventSubject('task', 'a'),
      aggregate: 'task',
      aggregateId: 'a',
      reason: 'event type is not known to this version',
      sizeBytes: commit.length,
      headers: [],
    });
    const newer = await eventually(async () => {
      const opened = await JetStreamLog.open(nc);
      if (opened.quarantine.list().length === 1) return opened;
      opened.close();
      return undefined;
    });
    expect(idsOf(await allOf(newer))).toEqual(['submit-a']);
    await newer.checkReadable(sequence);
    await newer.quarantine.decide(`events-${sequence}`, { kind: 'retried', ...operator() });
    expect(idsOf(await allOf(newer))).toEqual(['submit-a', 'odd']);
    await eventually(async () => (await allOf()).length === 2);
    newer.close();
  });

  it('is forgotten with its log', async () => {
    await poison('fx.ev.task.poison', encoder.encode('x'));
    await allOf();
    await (await managerOf(nc)).streams.delete(STREAMS.events);
    const fresh = await JetStreamLog.open(nc);
    await submit('a', fresh);
    expect(idsOf(await allOf(fresh))).toEqual(['submit-a']);
    expect(fresh.quarantine.list()).toEqual([]);
    fresh.close();
  });
});

describe('a log with unreadable messages anywhere', () => {
  it(
    'folds to the same as without them, for whoever reads it and however',
    () =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.option(fc.nat(POISONS.length - 1), { freq: 2, nil: undefined }), { maxLength: 30 }),
          async (plan) => {
            const expected: string[] = [];
            const from = (await log.head()).sequence + 1;
            for (const choice of plan) {
              const [, subject, body] = POISONS[choice ?? -1] ?? [];
              if (subject !== undefined && body !== undefined) await poison(subject, body);
              else {
                const id = `p-${(number += 1)}`;
                await submit(id);
                expected.push(`submit-${id}`);
              }
            }
            const read = (await allOf()).filter(({ sequence }) => sequence >= from);
            const { seen, position } = follow();
            const { sequence } = await log.head();
            await eventually(() => position() >= sequence);
            expect(idsOf(read)).toEqual(expected);
            expect(seen.slice(seen.length - expected.length)).toEqual(expected);
          },
        ),
        { numRuns: 8 },
      ),
    SLOW_MS,
  );
});

describe('a message of a stream that forgets', () => {
  it('is kept whole, once, and can be had again', async () => {
    const found = {
      stream: STREAMS.reports,
      sequence: 7,
      subject: 'fx.report.node-1',
      aggregate: null,
      aggregateId: null,
      reason: 'not JSON',
      sizeBytes: 3,
      headers: [],
    };
    const body = new Uint8Array([1, 2, 255]);
    await log.quarantine.keep(found, body);
    await log.quarantine.keep(found, body);
    const [entry, ...others] = log.quarantine.list();
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ state: 'open', what: { subject: 'fx.report.node-1', body: null } });
    expect(new Uint8Array((await log.quarantine.bodyOf(entry?.id ?? '')) ?? [])).toEqual(body);
  });
});

describe('a node that sends one unreadable message after the other', () => {
  it('fills a little of the register, which has room for what others leave', async () => {
    const keep = (node: string, sequence: number) => {
      const place = { stream: STREAMS.reports, sequence, subject: `fx.report.${node}`, aggregate: null };
      const found = { ...place, aggregateId: null, reason: 'not JSON', sizeBytes: 1, headers: [] };
      return log.quarantine.keep(found, encoder.encode('x'));
    };
    for (let sequence = 1; sequence <= 50; sequence += 1) await keep('node-1', sequence);
    await keep('node-2', 51);
    const subjects = log.quarantine.list().map(({ what }) => (what.kind === 'unreadable' ? what.subject : ''));
    expect(subjects.filter((subject) => subject === 'fx.report.node-1')).toHaveLength(20);
    expect([subjects.at(-1), log.quarantine.overflow]).toEqual(['fx.report.node-2', 30]);
    const [first] = log.quarantine.list();
    await log.quarantine.decide(first?.id ?? '', { kind: 'dropped', ...operator() });
    await keep('node-1', 52);
    expect(log.quarantine.list()).toHaveLength(22);
  });
});

describe('folds that have stopped', () => {
  const stop = (follower: string, sequence: number) => ({
    follower,
    sequence,
    aggregate: 'task',
    aggregateId: 'a',
    reason: `${follower} throws`,
  });

  it('stop commands until nobody stands at the aggregate any more, in whatever order they are decided', async () => {
    const { quarantine } = log;
    quarantine.noticeStop(stop('rows', 1));
    quarantine.noticeStop(stop('other-rows', 2));
    await quarantine.decide('fold-other-rows-2', { kind: 'dropped', ...operator() });
    expect(quarantine.stopOf('task', 'a')?.id).toBe('fold-rows-1');
    await quarantine.decide('fold-rows-1', { kind: 'retry-asked', ...operator() });
    expect(quarantine.stopOf('task', 'a')?.id).toBe('fold-rows-1');
    await quarantine.resolve('fold-rows-1');
    expect(quarantine.stopOf('task', 'a')).toBeUndefined();
  });

  it('do not leave the register in trouble once it can be written again', async () => {
    const jsm = await managerOf(nc);
    await jsm.streams.update(STREAMS.quarantine, { subjects: ['fx.elsewhere.*'] });
    log.quarantine.noticeStop(stop('rows', 1));
    await eventually(() => log.quarantine.health?.startsWith('the register cannot be written') === true, {
      timeoutMs: 60_000,
    });
    await jsm.streams.update(STREAMS.quarantine, { subjects: ['fx.quarantine.*'] });
    await eventually(() => log.quarantine.health === undefined, { timeoutMs: 60_000 });
  }, 130_000);
});
