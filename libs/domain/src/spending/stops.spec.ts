import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { budgetDecider, type BudgetState } from './budget.decider.js';
import { SpendingHolds } from './holds.js';
import { stopsAt, type LastSnapshot } from './stops.js';

const GRACE_MS = 60_000;

describe('a task that a budget stops', () => {
  it.each<[LastSnapshot, number]>([
    [{ status: 'none' }, 1_000],
    [{ status: 'over' }, 1_000],
    [{ status: 'open', triggeredAt: 3_000 }, 3_000 + GRACE_MS],
    [{ status: 'unanswered', askedAt: 4_000 }, 4_000 + GRACE_MS],
  ])('with a snapshot that is %j is cancelled from %i on', (snapshot, at) =>
    expect(stopsAt(1_000, snapshot, GRACE_MS)).toBe(at),
  );

  /** What a project costs whose tasks begin when they may: looked at by billing every `watchMs`, known to the others `toldMs` later, ended `endMs` after that. */
  const simulated = (
    starts: readonly { readonly at: number; readonly microsPerMs: number; readonly snapshotMs: number | null }[],
    { watchMs, toldMs, endMs, graceMs }: Record<'watchMs' | 'toldMs' | 'endMs' | 'graceMs', number>,
  ) => {
    const totalMicros = 1_000_000;
    const terms = { alias: '', totalMicros, policy: 'StopAndBlockAll', until: null, thresholds: [] } as const;
    const ids = { budgetId: 'b', projectId: 'p' };
    const holds = new SpendingHolds();
    let state: BudgetState = budgetDecider.initial;
    const decide = (command: Parameters<typeof budgetDecider.decide>[1]): void => {
      const decision = budgetDecider.decide(state, command);
      if (!('events' in decision)) throw new Error(decision.rejection.code);
      state = decision.events.reduce(budgetDecider.evolve, state);
      holds.fold('b', decision.events);
    };
    decide({ type: 'CreateBudget', ...ids, owner: 'ada', from: 0, ...terms, consumedMicros: 0, at: 0 });
    const costAt = (now: number, ends: readonly number[]): number =>
      starts.reduce((sum, { at, microsPerMs }, index) => {
        const until = Math.min(now, ends[index] ?? Number.POSITIVE_INFINITY);
        return sum + Math.max(0, until - at) * microsPerMs;
      }, 0);
    let now = 0;
    while (holds.size === 0 && now < 10_000_000) {
      now += watchMs;
      decide({ type: 'NoteBudgetUsed', consumedMicros: costAt(now, []), at: now });
    }
    const [hold] = holds.stopping(now);
    if (!hold) return { overrun: 0, most: 0 };
    const knownAt = hold.at + toldMs;
    // What was to start later is held back.
    const begun = starts.filter(({ at }) => at < knownAt);
    const ends = starts.map(({ at, snapshotMs }) => {
      if (at >= knownAt) return at;
      const triggeredAt = knownAt;
      const snapshot: LastSnapshot = snapshotMs === null ? { status: 'none' } : { status: 'open', triggeredAt };
      const cancelledAt = Math.min(stopsAt(hold.at, snapshot, graceMs), triggeredAt + (snapshotMs ?? 0));
      return Math.max(knownAt, cancelledAt) + endMs;
    });
    const rate = begun.reduce((sum, { microsPerMs }) => sum + microsPerMs, 0);
    return {
      overrun: costAt(Number.POSITIVE_INFINITY, ends) - totalMicros,
      most: rate * (watchMs + toldMs + graceMs + endMs),
    };
  };

  it('overruns the budget by no more than what runs costs until it is noticed, told, saved and ended', () => {
    const start = fc.record({
      at: fc.nat(100_000),
      microsPerMs: fc.integer({ min: 1, max: 500 }),
      snapshotMs: fc.option(fc.nat(200_000)),
    });
    const times = fc.record({
      watchMs: fc.integer({ min: 100, max: 5_000 }),
      toldMs: fc.nat(5_000),
      endMs: fc.nat(5_000),
      graceMs: fc.nat(GRACE_MS),
    });
    fc.assert(
      fc.property(fc.array(start, { minLength: 1, maxLength: 20 }), times, (starts, each) => {
        const { overrun, most } = simulated(starts, each);
        expect(overrun).toBeGreaterThanOrEqual(0);
        expect(overrun).toBeLessThanOrEqual(most);
      }),
    );
  });
});
