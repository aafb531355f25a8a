import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { pageRequestSchema } from './paging.js';
import { taskCreationSchema } from './task-creation.js';
import { wireReader } from './wire.js';

const text = fc.string({ maxLength: 12 }).filter((value) => !value.includes('\0'));
const word = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,10}$/);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });
const count = fc.nat(1_000);

/** Creations that are valid, with every shape of value: maps of the user's, lists, nested objects, nulls. */
const creation = fc.record(
  {
    name: word,
    shortname: maybe(fc.stringMatching(/^[a-z][a-z0-9]{0,9}$/)),
    profile: word,
    instanceCount: count,
    constants: fc.uniqueArray(fc.record({ key: word, value: text }), { selector: ({ key }) => key, maxLength: 4 }),
    forcedConstants: fc.array(
      fc.record({ constantName: word, access: fc.constantFrom('readOnly', 'READWRITE', 0, 1) }),
      { maxLength: 2 },
    ),
    tags: maybe(fc.array(text, { maxLength: 4 })),
    labels: fc.dictionary(word, text, { maxKeys: 4 }),
    advancedResourceBuckets: fc.array(
      fc.record({
        bucketName: word,
        filtering: maybe(fc.record({ prefixFiltering: maybe(fc.record({ prefix: text })) })),
        cacheTTLSec: maybe(count),
      }),
      { maxLength: 3 },
    ),
    retrySettings: maybe(fc.record({ maxTotalRetries: maybe(count), maxPerInstanceRetries: maybe(count) })),
    hardwareConstraints: fc.array(
      fc.constantFrom<object>(
        { discriminator: 'SSDHardwareConstraint' },
        { discriminator: 'MinimumCoreHardwareConstraint', coreCount: 2 },
      ),
    ),
    secretsAccessRights: maybe(fc.record({ bySecret: fc.array(fc.record({ key: text })), byPrefix: fc.constant([]) })),
    privileges: fc.record({ exportApiAndStorageCredentialsInEnvironment: fc.boolean() }),
    completionTimeToLive: fc.constantFrom('00:00:00', '1.02:03:04', 90),
    resultsCacheTTLSec: maybe(count),
  },
  { requiredKeys: ['name', 'profile', 'instanceCount'] },
);

const recased = (key: string, random: () => boolean): string =>
  [...key].map((letter) => (random() ? letter.toUpperCase() : letter.toLowerCase())).join('');

/** The same body with its keys in any case, at every level but in the user's own maps. */
const withCasing = (value: unknown, random: () => boolean): unknown => {
  if (Array.isArray(value)) return value.map((item) => withCasing(item, random));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      recased(key, random),
      key === 'labels' ? item : withCasing(item, random),
    ]),
  );
};

/** What other clients add: keys that nobody knows, and answers' fields with the values that mean nothing. */
const noise = fc.record(
  {
    Uuid: fc.constant('00000000-0000-0000-0000-000000000000'),
    CreationDate: fc.constant('0001-01-01T00:00:00'),
    State: fc.constant(null),
    Errors: fc.constant([]),
    RunningCoreCount: fc.constant(0),
    PoolUuid: fc.constantFrom('', '00000000-0000-0000-0000-000000000000', null),
    JobUuid: fc.constantFrom('', null),
    Unheard: fc.jsonValue({ maxDepth: 2 }),
  },
  { requiredKeys: [] },
);

const withoutNulls = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutNulls(item)]));
};

describe('a creation on the wire', () => {
  const read = wireReader(taskCreationSchema);

  it('means the same in any casing of its keys', () =>
    fc.assert(
      fc.property(creation, fc.infiniteStream(fc.boolean()), (body, coins) => {
        const plain = read(body);
        expect(plain).toMatchObject({ ok: true });
        expect(read(withCasing(body, () => coins.next().value === true))).toEqual(plain);
      }),
    ));

  it('means the same without its nulls, and with what other clients add', () =>
    fc.assert(
      fc.property(creation, noise, (body, more) => {
        const plain = read(body);
        expect(read(withoutNulls(body))).toEqual(plain);
        expect(read({ ...more, ...body })).toEqual(plain);
      }),
    ));

  it('keeps the keys of labels as they are', () =>
    fc.assert(
      fc.property(creation, (body) => {
        const result = read(withCasing(body, () => true));
        expect(result.ok && result.value.labels).toEqual(body.labels);
      }),
    ));

  it('never throws, whatever it is given', () =>
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (body) => {
        expect(typeof read(body).ok).toBe('boolean');
        expect(typeof wireReader(pageRequestSchema)(body).ok).toBe('boolean');
      }),
    ));
});
