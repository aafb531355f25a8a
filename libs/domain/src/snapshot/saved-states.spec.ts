import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { isStuck, mostSavedStates, NO_SAVED_STATES, pauseBeforeRunMs, withSavedState } from './saved-states.js';

const files = fc.constantFrom('changed' as const, 'same' as const, 'unknown' as const);
const runs = fc.array(fc.record({ ranMs: fc.nat(100_000), files }), { maxLength: 60 });

describe('saved states', () => {
  it('run again for ever while they change, or run for long', () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ ranMs: fc.nat(100_000), files: fc.constant('changed' as const) }),
            fc.record({ ranMs: fc.integer({ min: 10_000, max: 100_000 }), files: fc.constant('unknown' as const) }),
          ),
        ),
        (all) => expect(isStuck(all.reduce(withSavedState, NO_SAVED_STATES))).toBe(false),
      ),
    ));

  it('are stuck after three in a row without a change, whatever was before', () =>
    fc.assert(
      fc.property(runs, fc.nat(100_000), (before, ranMs) => {
        let state = before.reduce(withSavedState, NO_SAVED_STATES);
        for (let time = 0; time < 3; time += 1) state = withSavedState(state, { ranMs, files: 'same' });
        expect(isStuck(state)).toBe(true);
        expect(state.count).toBe(before.length + 3);
        expect(isStuck(withSavedState(state, { ranMs, files: 'changed' }))).toBe(false);
      }),
    ));

  it('wait a minute at most, not after a long run, and in a loop of a day some thousand times', () => {
    fc.assert(
      fc.property(runs, (all) => {
        const state = all.reduce(withSavedState, NO_SAVED_STATES);
        expect(pauseBeforeRunMs(state)).toBeGreaterThanOrEqual(0);
        expect(pauseBeforeRunMs(state)).toBeLessThanOrEqual(60_000);
        expect(pauseBeforeRunMs(withSavedState(state, { ranMs: 10_000, files: 'changed' }))).toBe(0);
      }),
    );
    let [state, passedMs] = [NO_SAVED_STATES, 0];
    while (passedMs < 86_400_000) {
      state = withSavedState(state, { ranMs: 0, files: 'changed' });
      passedMs += pauseBeforeRunMs(state);
    }
    expect(state.count).toBeLessThan(1_500);
  });

  it('are never more than a node may say', () =>
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(0, 9_999, 10_000), fc.nat(30_000)), { maxLength: 300 }), (all) => {
        let [state, passedMs] = [NO_SAVED_STATES, 0];
        for (const ranMs of all) {
          passedMs += ranMs;
          state = withSavedState(state, { ranMs, files: 'changed' });
          expect(state.count).toBeLessThanOrEqual(mostSavedStates(passedMs - 3_600_000));
          passedMs += pauseBeforeRunMs(state);
        }
      }),
    ));

  it('say of how many nobody knows what they hold', () => {
    const of = (...all: readonly ('changed' | 'same' | 'unknown')[]): number =>
      all.reduce((state, one) => withSavedState(state, { ranMs: 0, files: one }), NO_SAVED_STATES).unseen;
    expect([of('unknown', 'same', 'unknown'), of('same', 'same'), of('unknown', 'changed')]).toEqual([2, 0, 0]);
  });
});
