import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { derivedId, derivedIdInOrder, newId } from './ids.js';

const UUID = /^[\da-f]{8}-[\da-f]{4}-[78][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const places = fc.integer({ min: 0, max: 0xff_ff_ff });

describe('ids', () => {
  it('are UUIDs of their version', () => {
    expect(newId()).toMatch(UUID);
    expect(derivedId('a', 'b')).toMatch(UUID);
    expect(derivedIdInOrder(['a'], 0)).toMatch(UUID);
    expect(derivedIdInOrder(['a'], 0xff_ff_ff)).toMatch(UUID);
  });

  it('sort by their place within a group, and are others in another group or of other parts', () => {
    fc.assert(
      fc.property(fc.string(), places, places, fc.string(), (group, one, other, part) => {
        const [low, high] = one < other ? [one, other] : [other, one];
        const [first, second] = [derivedIdInOrder([group], low, part), derivedIdInOrder([group], high, part)];
        expect(first < second).toBe(low < high);
        expect(derivedIdInOrder([group], low, part)).toBe(first);
        expect(derivedIdInOrder([`${group}x`], low, part)).not.toBe(first);
        expect(derivedIdInOrder([group], low, `${part}x`)).not.toBe(first);
      }),
    );
  });
});
