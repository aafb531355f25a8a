import { fromNumbers, rangesOf, type ResourceBucket, type Ranges } from '@fornax/domain';
import { describe, expect, it } from '@jest/globals';
import { askedPin, type PinSource } from './asked-pin.js';

const [A, B] = ['0a'.repeat(32), '0b'.repeat(32)];
const resources: readonly ResourceBucket[] = [{ bucket: 'in', prefix: '${INSTANCE_ID}/' }];
const source = (recorded: Readonly<Record<string, Ranges>>, of = resources): PinSource => ({
  resources: of,
  recorded: new Map(Object.entries(recorded)),
});
const pinned = (instances: string, from: PinSource | undefined, own = resources) =>
  askedPin({ name: 'copy', fornax: { pinned: true } }, { instances, resources: own }, from);

describe('a pinned copy', () => {
  it('names a list of inputs for each of its instances, and no instance that it has not', () =>
    expect(pinned('0-2,7', source({ [A]: fromNumbers([1, 7, 8]), [B]: fromNumbers([0, 2, 3]) }))).toEqual({
      inputs: [
        { instances: '0,2', digest: B },
        { instances: '1,7', digest: A },
      ],
    }));

  it('is refused by the instances of whose inputs nothing is recorded', () =>
    expect(pinned('0-9', source({ [A]: fromNumbers([0]) }))).toEqual({
      errors: { 'fornax.pinned': [expect.stringMatching(/which inputs instances 1, 2, 3, 4, 5 and 4 more had/)] },
    }));

  it('is refused beyond a thousand different sets, with what to do', () => {
    const recorded = Object.fromEntries(
      Array.from({ length: 1_001 }, (_, at) => [String(at).padStart(64, '0'), fromNumbers([at])]),
    );
    expect(pinned('0-1000', source(recorded))).toEqual({
      errors: { 'fornax.pinned': [expect.stringMatching(/1001 different sets.*advancedRanges/)] },
    });
    expect(pinned('0-999', source(recorded))).toMatchObject({ inputs: { length: 1_000 } });
  });

  it('is refused with other resources than its origin had; how long nodes keep them does not matter', () => {
    const all = source({ [A]: rangesOf(1) });
    expect(pinned('0', all, [{ bucket: 'other' }])).toMatchObject({ errors: {} });
    expect(pinned('0', all, [{ ...resources[0], bucket: 'in', cacheTtlSeconds: 5 }])).toMatchObject({ inputs: [{}] });
  });

  it('is refused for a task that is made from none, and is any copy where there are no inputs', () => {
    expect(pinned('0', undefined)).toMatchObject({ errors: {} });
    expect(pinned('0', source({}, []), [])).toBeUndefined();
  });

  it('is nothing that happens unasked', () =>
    expect(askedPin({ name: 'copy' }, { instances: '0', resources }, undefined)).toBeUndefined());
});
