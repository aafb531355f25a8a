import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { budgetDecider, isActiveBudget, type BudgetState } from './budget.decider.js';
import { OVERRUN_POLICIES, type BudgetCommand, type BudgetEvent } from './budget.events.js';
import { SpendingHolds } from './holds.js';

const CENT = 10_000;
const creation = (more: Partial<Extract<BudgetCommand, { type: 'CreateBudget' }>> = {}): BudgetCommand => ({
  type: 'CreateBudget',
  budgetId: 'b',
  projectId: 'p',
  owner: 'ada',
  from: 100,
  alias: '',
  totalMicros: 100 * CENT,
  policy: 'BlockNew',
  until: null,
  thresholds: [50, 80],
  consumedMicros: 0,
  at: 100,
  ...more,
});
const used = (cents: number, at = 200): BudgetCommand => ({ type: 'NoteBudgetUsed', consumedMicros: cents * CENT, at });
const changed = (more: Partial<Extract<BudgetCommand, { type: 'ChangeBudget' }>>): BudgetCommand => ({
  type: 'ChangeBudget',
  consumedMicros: 0,
  at: 300,
  ...more,
});

const after = (...commands: readonly BudgetCommand[]) => {
  let state = budgetDecider.initial;
  const events: BudgetEvent[] = [];
  const told: string[] = [];
  for (const command of commands) {
    const decision = budgetDecider.decide(state, command);
    if ('rejection' in decision) told.push(decision.rejection.code);
    else
      for (const event of decision.events) {
        events.push(event);
        told.push(event.type === 'BudgetThresholdReached' ? `${event.percent} %` : event.type);
        state = budgetDecider.evolve(state, event);
      }
  }
  return { state, events, told };
};
const isHeld = (events: readonly BudgetEvent[], now = 1): boolean => {
  const holds = new SpendingHolds();
  holds.fold('b', events);
  return holds.of('somebody', 'p', now) !== undefined;
};

describe('a budget', () => {
  it('tells each threshold once, and its end once', () => {
    const { told, events } = after(creation(), used(49), used(50), used(99), used(99), used(100), used(130));
    expect(told).toEqual(['BudgetCreated', '50 %', '80 %', 'BudgetExhausted']);
    expect(events.at(-1)).toMatchObject({ consumedMicros: 100 * CENT, totalMicros: 100 * CENT, policy: 'BlockNew' });
  });

  it('is created once by a request that comes again, and not otherwise under its id', () => {
    expect(after(creation(), used(60), creation({ consumedMicros: 7 })).told).toEqual(['BudgetCreated', '50 %']);
    for (const other of [{ totalMicros: CENT }, { projectId: 'q' }, { policy: 'AlertOnly' }, { alias: 'x' }] as const)
      expect(after(creation(), creation(other)).told).toEqual(['BudgetCreated', 'budget-exists']);
  });

  it('is released by more, by another policy that holds back nothing, and when it is archived', () => {
    const over = [creation(), used(120)];
    const consumedMicros = 120 * CENT;
    const more = after(...over, changed({ totalMicros: 200 * CENT, consumedMicros }));
    // 60 % of the new total: 50 % was told, 80 % was as well but is no longer reached.
    expect(more.told.slice(-2)).toEqual(['BudgetChanged', 'BudgetReleased']);
    expect(more.state.reached).toEqual([50]);
    expect(isHeld(more.events)).toBe(false);
    const alert = after(...over, changed({ policy: 'AlertOnly', consumedMicros }));
    expect(alert.told.slice(-3)).toEqual(['BudgetReleased', 'BudgetChanged', 'BudgetExhausted']);
    expect(isHeld(alert.events)).toBe(false);
    const archived = after(...over, { type: 'ArchiveBudget', at: 300 }, { type: 'ArchiveBudget', at: 301 }, used(500));
    expect(archived.told.slice(-2)).toEqual(['BudgetReleased', 'BudgetArchived']);
    expect(after(...over, { type: 'ArchiveBudget', at: 300 }, changed({ alias: 'x' })).told.at(-1)).toBe(
      'budget-archived',
    );
  });

  it('counts in its time alone', () => {
    const timed = creation({ until: 1_000 });
    expect(after(timed, used(200, 1_000)).told).toEqual(['BudgetCreated']);
    expect(after(timed, used(200, 999), used(200, 1_000)).told.at(-1)).toBe('BudgetReleased');
    expect(after(creation({ from: 500 }), used(200, 499)).told).toEqual(['BudgetCreated']);
  });

  it.each([
    [creation({ totalMicros: 0 }), 'bad-amount'],
    [creation({ totalMicros: CENT + 1 }), 'bad-amount'],
    [creation({ until: 100 }), 'budget-empty'],
    [creation({ thresholds: [80, 50] }), 'bad-thresholds'],
    [creation({ thresholds: [0.5] }), 'bad-thresholds'],
    [used(1), 'budget-not-found'],
  ])('refuses %j', (command, code) => expect(after(command).told).toEqual([code]));

  it('holds back exactly while it is active, used up, and of a policy that holds back', () => {
    const step = fc.oneof(
      fc.record({ use: fc.integer({ min: -30, max: 60 }) }),
      fc.record({ total: fc.integer({ min: 1, max: 300 }) }),
      fc.record({ policy: fc.constantFrom(...OVERRUN_POLICIES) }),
      fc.record({ until: fc.option(fc.integer({ min: 101, max: 400 })) }),
      fc.record({ archive: fc.constant(true) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let state: BudgetState = budgetDecider.initial;
        const log: BudgetEvent[] = [];
        let cents = 0;
        let at = 100;
        const carryOut = (command: BudgetCommand): void => {
          const decision = budgetDecider.decide(state, command);
          if ('rejection' in decision) return;
          log.push(...decision.events);
          state = decision.events.reduce(budgetDecider.evolve, state);
        };
        carryOut(creation());
        for (const one of steps) {
          at += 7;
          if ('use' in one) cents = Math.max(0, cents + one.use);
          const consumedMicros = cents * CENT;
          if ('total' in one) carryOut(changed({ totalMicros: one.total * CENT, consumedMicros, at }));
          if ('policy' in one) carryOut(changed({ policy: one.policy, consumedMicros, at }));
          if ('until' in one) carryOut(changed({ until: one.until, consumedMicros, at }));
          if ('archive' in one) carryOut({ type: 'ArchiveBudget', at });
          carryOut({ type: 'NoteBudgetUsed', consumedMicros, at });
          const isUsedUp = isActiveBudget(state, at) && consumedMicros >= state.totalMicros;
          expect(isHeld(log, at)).toBe(isUsedUp && state.policy !== 'AlertOnly');
          expect(log.reduce(budgetDecider.evolve, budgetDecider.initial)).toEqual(state);
        }
      }),
    );
  });
});

describe('holds', () => {
  it('know who is held, credits before budgets, and let go of each by itself', () => {
    const holds = new SpendingHolds();
    const exhausted = {
      type: 'BudgetExhausted',
      policy: 'BlockNew',
      consumedMicros: 1,
      totalMicros: 1,
      at: 1,
    } as const;
    for (const budgetId of ['b1', 'b2']) holds.fold(budgetId, [{ ...exhausted, budgetId, projectId: 'p' }]);
    holds.fold('ada', [{ type: 'CreditsExhausted', accountId: 'ada', consumedMicros: 1, remainingMicros: 0, at: 1 }]);
    expect([
      holds.of('ada', 'p', 1),
      holds.of('bob', 'p', 1),
      holds.of('bob', 'q', 1),
      holds.of('p', null, 1),
    ]).toMatchObject([{ kind: 'credits' }, { kind: 'budget' }, undefined, { kind: 'budget' }]);
    holds.fold('b1', [{ type: 'BudgetReleased', budgetId: 'b1', projectId: 'p', at: 2 }]);
    expect(holds.of('bob', 'p', 1)).toBeDefined();
    holds.fold('b2', [{ type: 'BudgetReleased', budgetId: 'b2', projectId: 'p', at: 2 }]);
    holds.fold('ada', [{ type: 'CreditsRestored', accountId: 'ada', at: 2 }]);
    expect([holds.of('ada', 'p', 1), holds.size]).toEqual([undefined, 0]);
  });

  it('are over with the time of their budget, also when nobody says so, and last as long as it is changed to', () => {
    const { events } = after(creation({ until: 1_000 }), used(120));
    expect([200, 999, 1_000, 5_000].map((now) => isHeld(events, now))).toEqual([true, true, false, false]);
    const consumedMicros = 120 * CENT;
    const longer = after(creation({ until: 1_000 }), used(120), changed({ until: 2_000, consumedMicros })).events;
    expect([999, 1_000, 1_999, 2_000].map((now) => isHeld(longer, now))).toEqual([true, true, true, false]);
    const lasting = after(creation({ until: 1_000 }), used(120), changed({ until: null, consumedMicros })).events;
    expect(isHeld(lasting, Number.MAX_SAFE_INTEGER)).toBe(true);
    const holds = new SpendingHolds();
    holds.fold('b', events);
    expect([holds.nextEnd(200), holds.nextEnd(1_000)]).toEqual([1_000, undefined]);
    // Of before: the event says nothing of an end.
    holds.fold('old', [
      {
        type: 'BudgetExhausted',
        budgetId: 'old',
        projectId: 'p',
        policy: 'BlockNew',
        consumedMicros: 1,
        totalMicros: 1,
        at: 1,
      },
    ]);
    expect(holds.of('bob', 'p', Number.MAX_SAFE_INTEGER)).toBeDefined();
  });

  it('stop what runs in the time of a budget whose policy says so', () => {
    const holds = new SpendingHolds();
    holds.fold('b', after(creation({ policy: 'StopAndBlockAll', until: 1_000 }), used(100)).events);
    holds.fold('c', after(creation({ budgetId: 'c' }), used(100)).events);
    expect(holds.stopping(999)).toMatchObject([{ spendingId: 'b', holder: 'p', at: 200 }]);
    expect(holds.stopping(1_000)).toEqual([]);
  });
});
