import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { creditsDecider, MOST_MICROS, remainingCredits, type CreditsState } from './credits.decider.js';
import type { CreditBooking, CreditsCommand, CreditsEvent } from './credits.events.js';

const booking = (
  kind: CreditBooking,
  micros: number,
  more: Partial<{ entryId: string; consumedMicros: number }> = {},
) =>
  ({
    type: 'BookCredits',
    kind,
    accountId: 'ada',
    entryId: 'e1',
    micros,
    note: '',
    consumedMicros: 0,
    at: 1,
    ...more,
  }) as const;
const used = (consumedMicros: number): CreditsCommand => ({ type: 'NoteCreditsUsed', consumedMicros, at: 2 });

const after = (...commands: readonly CreditsCommand[]): { state: CreditsState; types: readonly string[] } => {
  let state = creditsDecider.initial;
  const types: string[] = [];
  for (const command of commands) {
    const decision = creditsDecider.decide(state, command);
    if ('rejection' in decision) types.push(decision.rejection.code);
    else
      for (const event of decision.events) {
        types.push(event.type);
        state = creditsDecider.evolve(state, event);
      }
  }
  return { state, types };
};

describe('credits of an account', () => {
  it('are unlimited until some are granted, whatever is used', () => {
    const { state, types } = after(used(5_000_000));
    expect(types).toEqual([]);
    expect(remainingCredits(state, 5_000_000)).toBeUndefined();
    expect(after(booking('charge', 1)).types).toEqual(['no-credits']);
    expect(after(booking('adjustment', -1)).types).toEqual(['no-credits']);
  });

  it('are not touched by what was used before the first grant', () => {
    const { state, types } = after(booking('grant', 100, { consumedMicros: 900 }), used(950));
    expect(types).toEqual(['CreditsGranted']);
    expect(remainingCredits(state, 950)).toBe(50);
  });

  it('are exhausted once, and restored in the same commit that grants enough', () => {
    const more = booking('grant', 30, { entryId: 'e2', consumedMicros: 120 });
    expect(after(booking('grant', 100), used(99), used(100), used(120), more).types).toEqual([
      'CreditsGranted',
      'CreditsExhausted',
      'CreditsGranted',
      'CreditsRestored',
    ]);
    const little = booking('grant', 20, { entryId: 'e2', consumedMicros: 120 });
    expect(after(booking('grant', 100), used(120), little).types.at(-1)).toBe('CreditsGranted');
    expect(after(booking('grant', 100), booking('charge', 100, { entryId: 'e2' })).types.at(-1)).toBe(
      'CreditsExhausted',
    );
  });

  it('book an entry once, and refuse what is no amount', () => {
    expect(after(booking('grant', 5), booking('grant', 5)).types).toEqual(['CreditsGranted']);
    expect(
      after(booking('grant', 5), booking('charge', 3, { entryId: 'e2' }), booking('charge', 3, { entryId: 'e2' }))
        .types,
    ).toEqual(['CreditsGranted', 'CreditsCharged']);
    for (const other of [booking('grant', 6), booking('charge', 5), booking('adjustment', 5)])
      expect(after(booking('grant', 5), other).types).toEqual(['CreditsGranted', 'entry-exists']);
    for (const micros of [0, -1, 0.5, Number.NaN, MOST_MICROS + 1])
      expect(after(booking('grant', micros)).types).toEqual(['bad-amount']);
    expect(after(booking('grant', MOST_MICROS), booking('grant', 1, { entryId: 'e2' })).types.at(-1)).toBe(
      'too-many-credits',
    );
  });

  it('are what was booked less what was used since, and exhausted exactly when nothing is left', () => {
    const kinds = fc.constantFrom<CreditBooking>('grant', 'charge', 'adjustment');
    const step = fc.oneof(
      fc.record({ kind: kinds, micros: fc.integer({ min: -50, max: 50 }) }),
      fc.record({ use: fc.nat(40) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let state = creditsDecider.initial;
        const log: CreditsEvent[] = [];
        let [consumed, base, booked] = [0, 0, 0];
        for (const [index, one] of steps.entries()) {
          if ('use' in one) consumed += one.use;
          const command: CreditsCommand =
            'use' in one
              ? used(consumed)
              : booking(one.kind, one.micros, { entryId: `e${index}`, consumedMicros: consumed });
          const decision = creditsDecider.decide(state, command);
          if ('rejection' in decision) continue;
          if (!('use' in one)) {
            if (log.length === 0) base = consumed;
            booked += one.kind === 'charge' ? -one.micros : one.micros;
          }
          for (const event of decision.events) state = creditsDecider.evolve(state, event);
          log.push(...decision.events);
          if (log.length === 0) continue;
          expect(remainingCredits(state, consumed)).toBe(booked - (consumed - base));
          expect(state.isExhausted).toBe(booked - (consumed - base) <= 0);
        }
        expect(log.reduce(creditsDecider.evolve, creditsDecider.initial)).toEqual(state);
      }),
    );
  });
});
