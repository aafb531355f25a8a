import type { Commit, FornaxEvent } from './commit.js';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import {
  accountDecider,
  bucketDecider,
  budgetDecider,
  creditsDecider,
  jobDecider,
  logArchiveDecider,
  meterDecider,
  masterKeyDecider,
  nodeDecider,
  nodeTokenDecider,
  poolDecider,
  type BudgetEvent,
  type CreditsEvent,
  type PoolEvent,
  type BooksEvent,
  type LinesCorrected,
  type PricingEvent,
  type SpendingEvent,
  pricingDecider,
  profileDecider,
  booksDecider,
  correctionsDecider,
  secretAccessDecider,
  secretDecider,
  snapshotDecider,
  taskDecider,
  webhookDecider,
} from '@fornax/domain';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { AGGREGATES } from '../subjects/subjects.js';
import { createEventCodec, decodeCommit, encodeCommit, UnreadableCommit, type CommitPlace } from './codec.js';
import { eventSchemas } from './schemas.js';

const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const place = { sequence: 42, aggregate: 'node', aggregateId: 'n.1', commitId: 'c-1' } as const;
const commitOf = (...events: readonly FornaxEvent[]): Commit => ({
  id: 'c-1',
  at,
  events,
  meta: {
    actor: 'service:node-registry',
    source: 'node-registry',
    correlationId: 'r-1',
    causationId: 'm-1',
    leaderEpoch: 3,
  },
});
const drained: FornaxEvent = { type: 'NodeDrained', nodeId: 'n.1', at };
const json = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

describe('the event codec', () => {
  it('writes one CloudEvents batch a commit and reads the same commit back', () => {
    const commit = commitOf(drained, { type: 'NodeRetired', nodeId: 'n.1', at });
    const bytes = encodeCommit(commit, 'node', 'n.1');
    expect(decodeCommit(bytes, place)).toEqual({ ...commit, sequence: 42, aggregate: 'node', aggregateId: 'n.1' });
    expect(json(bytes)).toMatchObject([
      {
        specversion: '1.0',
        id: 'c-1/0',
        source: '/fornax/node-registry',
        type: 'fornax.NodeDrained.v1',
        subject: 'node/n.1',
        time: '2026-01-02T03:04:05.678Z',
        actor: 'service:node-registry',
        correlationid: 'r-1',
        causationid: 'm-1',
        leaderepoch: 3,
        data: { nodeId: 'n.1', at },
      },
      { id: 'c-1/1', type: 'fornax.NodeRetired.v1' },
    ]);
  });

  it('carries for whom and why, and reads commits that say neither', () => {
    const { meta, ...rest } = commitOf(drained);
    const asked = {
      ...rest,
      meta: { ...meta, actor: 'user:root', onBehalfOf: 'user:ada', reason: 'out of budget' },
    } as const;
    const bytes = encodeCommit(asked, 'node', 'n.1');
    expect(json(bytes)).toMatchObject([{ actor: 'user:root', onbehalfof: 'user:ada', reason: 'out of budget' }]);
    expect(decodeCommit(bytes, place).meta).toEqual(asked.meta);
    const old = decodeCommit(encodeCommit(commitOf(drained), 'node', 'n.1'), place);
    expect(old.meta).toEqual(meta);
    expect(Object.keys(old.meta)).not.toEqual(expect.arrayContaining(['reason']));
  });

  it('refuses to write an event that does not match its schema', () => {
    const broken = { ...drained, at: Number.NaN };
    expect(() => encodeCommit(commitOf(broken), 'node', 'n.1')).toThrow(/NodeDrained does not match its schema/);
  });

  it('leaves out what the schema does not describe', () => {
    const bytes = encodeCommit(commitOf({ ...drained, ...{ surprise: 1 } }), 'node', 'n.1');
    expect(decodeCommit(bytes, place).events).toEqual([drained]);
  });

  it('writes no text that Postgres cannot hold, and leaves all other text alone', () => {
    const own = 'C:\\u0000 \\ud83d \u{1F600} \u001b[0m';
    const event: FornaxEvent = { type: 'WaitingReasonChanged', reason: 'a\0b', detail: `\ud83d\\\0 ${own} \ude00`, at };
    const bytes = encodeCommit(commitOf(event), 'task', 't.1');
    const [read] = decodeCommit(bytes, { ...place, aggregate: 'task', aggregateId: 't.1' }).events;
    expect(read).toMatchObject({ reason: 'a\uFFFDb', detail: `\uFFFD\\\uFFFD ${own} \uFFFD` });
  });

  it('refuses to read an event type of the future', () => {
    const later = createEventCodec(
      { NodeDrained: { version: 1, schema: z.unknown() }, NodeSang: { version: 1, schema: z.unknown() } },
      {},
    );
    const song = { type: 'NodeSang', at } as unknown as FornaxEvent;
    const bytes = later.encode(commitOf(song), 'node', 'n.1');
    expect(() => decodeCommit(bytes, place)).toThrow(UnreadableCommit);
  });

  it.each([
    ['not json', '{'],
    ['not a batch', '{}'],
    ['an empty batch', '[]'],
    ['an event without data', '[{"type":"x","time":"y"}]'],
    ["a server's own answer", '{"stream":"FX_LOGS","seq":1}'],
    ['null', '[null]'],
    ['what ends too soon', '[{"specversion":"1.0","type":"fornax.NodeDr'],
    ['compressed bytes that were cut off', Buffer.from([0x1f, 0x8b, 0x08, 0x00]).toString('latin1')],
  ])('refuses to read %s', (_, body) => {
    expect(() => decodeCommit(new TextEncoder().encode(body), place)).toThrow(UnreadableCommit);
  });

  it.each([
    ['a version of the future', { type: 'fornax.NodeDrained.v99' }],
    ['an event of another aggregate', { type: 'fornax.TaskDeleted.v1', data: { at } }],
    ['an event that says it is about another aggregate', { subject: 'node/other' }],
    ['a payload that its schema does not allow', { data: { at: 'yesterday' } }],
    ['a payload that is a list', { data: [] }],
    ['a time that is none', { time: 'yesterday' }],
    ['no actor', { actor: undefined }],
    ['no source', { source: 4 }],
    ['a reason that is no text', { reason: {} }],
    ['somebody else that is no text', { onbehalfof: 4 }],
  ])('refuses to read %s', (_, change) => {
    const [event] = JSON.parse(new TextDecoder().decode(encodeCommit(commitOf(drained), 'node', 'n.1'))) as object[];
    const bytes = new TextEncoder().encode(JSON.stringify([{ ...event, ...change }]));
    expect(() => decodeCommit(bytes, place)).toThrow(UnreadableCommit);
  });

  it('refuses to read a commit without an id', () => {
    const bytes = encodeCommit(commitOf(drained), 'node', 'n.1');
    expect(() => decodeCommit(bytes, { ...place, commitId: '' })).toThrow(UnreadableCommit);
  });

  it('heals text that Postgres cannot hold, whoever wrote it', () => {
    const text = new TextDecoder().decode(encodeCommit(commitOf(drained), 'node', 'n.1'));
    const read = decodeCommit(new TextEncoder().encode(text.replace('user:', '\\u0000')), place);
    expect(JSON.stringify(read)).not.toContain('\\u0000');
  });

  it('upcasts an old version through every step to the current one', () => {
    const versionOf = (version: number) => ({ NodeDrained: { version, schema: z.unknown() } });
    const steps = {
      NodeDrained: {
        1: (data: Readonly<Record<string, unknown>>) => ({ ...data, reason: null }),
        2: ({ reason, ...data }: Readonly<Record<string, unknown>>) => ({
          ...data,
          reasons: reason === null ? [] : [reason],
        }),
      },
    };
    const written = createEventCodec(versionOf(1), {}).encode(commitOf(drained), 'node', 'n.1');
    const read = createEventCodec(versionOf(3), steps).decode(written, place);
    expect(read.events).toEqual([{ ...drained, reasons: [] }]);
  });

  it('reads the first tasks as tasks of today: of the first version of their profile', () => {
    const sample = (version: number) =>
      new Uint8Array(readFileSync(new URL(`../../samples/TaskSubmitted.v${version}.json`, import.meta.url)));
    const specIn = (bytes: Uint8Array): unknown => {
      const [event] = decodeCommit(bytes, samplePlace(bytes)).events;
      return event?.type === 'TaskSubmitted' ? event.spec : undefined;
    };
    expect(specIn(sample(1))).toMatchObject({ profile: 'docker-batch', profileVersion: 1 });
    expect(specIn(sample(2))).toMatchObject({ profile: 'docker-batch', profileVersion: 2 });
    // Later ones of version 1 said it.
    const text = new TextDecoder().decode(sample(2)).replace('TaskSubmitted.v2', 'TaskSubmitted.v1');
    expect(specIn(new TextEncoder().encode(text))).toMatchObject({ profileVersion: 2 });
    // Nothing of version 2 is without it, and what is no spec is not made one.
    for (const [version, spec] of [
      [2, { ...Object(specIn(sample(2))), profileVersion: undefined }],
      [1, null],
      [1, 'spec'],
    ] as const) {
      const [stored] = JSON.parse(new TextDecoder().decode(sample(version))) as [{ data: object }];
      const bytes = new TextEncoder().encode(JSON.stringify([{ ...stored, data: { ...stored.data, spec } }]));
      expect(() => decodeCommit(bytes, samplePlace(bytes))).toThrow(/TaskSubmitted does not match its schema: spec/);
    }
  });

  it('of a release before puts a later version aside, and never takes it for one that it knows', () => {
    const before = createEventCodec(
      { ...eventSchemas, TaskSubmitted: { ...eventSchemas.TaskSubmitted, version: 1 } },
      {},
    );
    const bytes = new Uint8Array(readFileSync(new URL('../../samples/TaskSubmitted.v2.json', import.meta.url)));
    expect(() => before.decode(bytes, samplePlace(bytes))).toThrow(
      new UnreadableCommit('event type "fornax.TaskSubmitted.v2" is not known to this version'),
    );
  });

  it('is not built when a step between two versions is missing', () => {
    expect(() => createEventCodec({ NodeDrained: { version: 2, schema: z.unknown() } }, {})).toThrow(
      'no upcaster for NodeDrained from version 1',
    );
  });
});

/** The fold of each aggregate, which has to take every event that was ever written. */
const evolvers: Readonly<Record<string, (event: never) => unknown>> = {
  task: (event) => taskDecider.evolve(taskDecider.initial, event),
  node: (event) => nodeDecider.evolve(nodeDecider.initial, event),
  'node-token': (event) => nodeTokenDecider.evolve(nodeTokenDecider.initial, event),
  job: (event) => jobDecider.evolve(jobDecider.initial, event),
  bucket: (event) => bucketDecider.evolve(bucketDecider.initial, event),
  snapshot: (event) => snapshotDecider.evolve(snapshotDecider.initial, event),
  account: (event) => accountDecider.evolve(accountDecider.initial, event),
  webhook: (event) => ({ state: webhookDecider.evolve(webhookDecider.initial, event) }),
  'secret-access': (event) => secretAccessDecider.evolve(secretAccessDecider.initial, event),
  'master-key': (event) => masterKeyDecider.evolve(masterKeyDecider.initial, event),
  'log-archive': (event) => logArchiveDecider.evolve(logArchiveDecider.initial, event),
  profile: (event) => profileDecider.evolve(profileDecider.initial, event),
  meter: (event) => meterDecider.evolve(meterDecider.initial, event),
  secret: (event) => secretDecider.evolve(secretDecider.initial, event),
  spending: (event: SpendingEvent) =>
    event.type.startsWith('Credits')
      ? creditsDecider.evolve(creditsDecider.initial, event as CreditsEvent)
      : budgetDecider.evolve(budgetDecider.initial, event as BudgetEvent),
  pricing: (event: PricingEvent | BooksEvent | LinesCorrected) =>
    event.type === 'PriceListPublished'
      ? pricingDecider.evolve(pricingDecider.initial, event)
      : event.type === 'LinesCorrected'
        ? correctionsDecider.evolve(correctionsDecider.initial, event)
        : booksDecider.evolve(booksDecider.initial, event),
  // Nobody folds a probe, which stands among pools.
  pool: (event: PoolEvent | { readonly type: 'LogProbed' }) =>
    event.type === 'LogProbed' ? event : poolDecider.evolve(poolDecider.initial, event),
};

describe('the samples of every event version ever written', () => {
  const folder = new URL('../../samples/', import.meta.url);
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const sums = new URL('SHA256SUMS', folder);
  const sumOf = (name: string): string =>
    createHash('sha256')
      .update(readFileSync(new URL(name, folder)))
      .digest('hex');

  it('never change: what was written once stays as it is (UPDATE_GENERATED=1 adds new ones)', () => {
    const recorded = new Map(
      readFileSync(sums, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.split('  ').toReversed())
        .map(([name = '', sum = '']) => [name, sum]),
    );
    if (process.env['UPDATE_GENERATED'] === '1') {
      for (const name of names) if (!recorded.has(name)) recorded.set(name, sumOf(name));
      writeFileSync(
        sums,
        [...recorded]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, sum]) => `${sum}  ${name}\n`)
          .join(''),
      );
    }
    expect(Object.fromEntries(names.map((name) => [name, sumOf(name)]))).toEqual(Object.fromEntries(recorded));
  });

  it('exist for each version of each event type', () => {
    const expected = Object.entries(eventSchemas).flatMap(([type, { version }]) =>
      Array.from({ length: version }, (_, index) => `${type}.v${index + 1}.json`),
    );
    // Besides, `<type>.v<version>.<what>.json` has what an event says only of some.
    expect(names.filter((name) => name.split('.').length === 3).toSorted()).toEqual(expected.toSorted());
  });

  it.each(names)('%s is folded by its aggregate', (name) => {
    const bytes = new Uint8Array(readFileSync(new URL(name, folder)));
    const commit = decodeCommit(bytes, samplePlace(bytes));
    const evolve = evolvers[eventSchemas[typeOf(name)].aggregate];
    for (const event of commit.events) expect(evolve?.(event as never)).toEqual(expect.any(Object));
  });

  it.each(names)('%s decodes to an event of today and is written again as such', (name) => {
    const bytes = new Uint8Array(readFileSync(new URL(name, folder)));
    const sample = samplePlace(bytes);
    const { aggregate, aggregateId } = sample;
    const commit = decodeCommit(bytes, sample);
    expect(commit.events.map((event) => event.type)).toEqual([typeOf(name)]);
    expect(decodeCommit(encodeCommit(commit, aggregate, aggregateId), sample)).toEqual(commit);
  });
});

/** The place that a sample says it was written at. */
const samplePlace = (bytes: Uint8Array): CommitPlace => {
  const [{ subject = '' } = {}] = JSON.parse(new TextDecoder().decode(bytes)) as readonly { subject?: string }[];
  const at = subject.indexOf('/');
  const aggregate = AGGREGATES.find((known) => known === subject.slice(0, at));
  if (!aggregate) throw new Error(`a sample of no known aggregate: ${subject}`);
  return { sequence: 1, aggregate, aggregateId: subject.slice(at + 1), commitId: 'c' };
};

const typeOf = (file: string): keyof typeof eventSchemas => {
  const type = Object.keys(eventSchemas).find((name) => file.startsWith(`${name}.v`));
  if (!isEventType(type)) throw new Error(`${file} is a sample of no known event type`);
  return type;
};
const isEventType = (name: string | undefined): name is keyof typeof eventSchemas =>
  name !== undefined && name in eventSchemas;

describe('the generated check of a payload', () => {
  const folder = new URL('../../samples/', import.meta.url);
  const names = Object.keys(eventSchemas).filter(isEventType);
  /** Every place in a value: where another value can stand. */
  const placesIn = (value: unknown): readonly (readonly string[])[] =>
    typeof value !== 'object' || value === null
      ? [[]]
      : [[], ...Object.entries(value).flatMap(([key, part]) => placesIn(part).map((path) => [key, ...path]))];
  const withAt = (value: unknown, [key, ...rest]: readonly string[], other: unknown): unknown => {
    if (key === undefined) return other;
    if (Array.isArray(value))
      return value.map((part, index) => (String(index) === key ? withAt(part, rest, other) : part));
    const parts = { ...Object(value) };
    return { ...parts, [key]: withAt(parts[key], rest, other) };
  };

  it.each(names)('of %s takes what the schema takes, and nothing else', (type) => {
    const { version, schema } = eventSchemas[type];
    const check = z.compile(schema as z.ZodType, { strict: true });
    const [{ data }] = JSON.parse(readFileSync(new URL(`${type}.v${version}.json`, folder), 'utf8')) as [
      { data: unknown },
    ];
    const places = placesIn(data);
    expect(z.validate(check, data)).toBe(true);
    fc.assert(
      fc.property(fc.constantFrom(...places), fc.oneof(fc.jsonValue(), fc.constant(undefined)), (path, other) => {
        const changed = withAt(data, path, other);
        expect(z.validate(check, changed)).toBe(schema.safeParse(changed).success);
      }),
    );
  });
});
