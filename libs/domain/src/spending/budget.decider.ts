import { accept, assertNever, reject, type Decider, type Rejection } from '../shared/decider.js';
import type { BudgetCommand, BudgetEvent, BudgetTerms } from './budget.events.js';
import { MOST_MICROS } from './credits.decider.js';

export interface BudgetState extends BudgetTerms {
  /** Empty: there is none. */
  readonly budgetId: string;
  readonly projectId: string;
  readonly owner: string;
  readonly from: number;
  /** Thresholds that were told, and are still reached. */
  readonly reached: readonly number[];
  readonly isExhausted: boolean;
  readonly isArchived: boolean;
}

const initial: BudgetState = {
  budgetId: '',
  projectId: '',
  owner: '',
  from: 0,
  alias: '',
  totalMicros: 0,
  policy: 'AlertOnly',
  until: null,
  thresholds: [],
  reached: [],
  isExhausted: false,
  isArchived: false,
};

const MICROS_PER_CENT = 10_000;
const MOST_THRESHOLDS = 20;
const noSuchBudget = reject('not-found', 'budget-not-found', 'No such budget');

/** Whether it counts and holds back at an instant. */
export const isActiveBudget = ({ from, until, isArchived }: BudgetState, at: number): boolean =>
  !isArchived && from <= at && (until === null || at < until);

const badTerms = (
  { totalMicros, until, thresholds }: BudgetTerms,
  from: number,
): { readonly rejection: Rejection } | undefined => {
  const isWhole = Number.isSafeInteger(totalMicros) && totalMicros % MICROS_PER_CENT === 0;
  if (!isWhole || totalMicros <= 0 || totalMicros > MOST_MICROS)
    return reject('invalid', 'bad-amount', 'The total must be a number of whole cents, and more than 0.');
  if (until !== null && until <= from)
    return reject('invalid', 'budget-empty', 'The budget would end before it begins.');
  const isRising = thresholds.every((percent, index) => percent > (thresholds[index - 1] ?? 0));
  const areFit = thresholds.every((percent) => Number.isInteger(percent) && percent <= 1_000);
  if (!isRising || !areFit || thresholds.length > MOST_THRESHOLDS)
    return reject(
      'invalid',
      'bad-thresholds',
      `Thresholds are at most ${MOST_THRESHOLDS} whole percents, each larger than the one before.`,
    );
  return undefined;
};

/** Consumed at least so many percent, without a fraction. */
const isReached = (consumedMicros: number, totalMicros: number, percent: number): boolean =>
  BigInt(consumedMicros) * 100n >= BigInt(totalMicros) * BigInt(percent);

/** What follows from what was consumed: thresholds first, in their order, then whether anything is left. */
const noted = (state: BudgetState, consumedMicros: number, at: number): readonly BudgetEvent[] => {
  const { budgetId, projectId, totalMicros, policy, until, thresholds, reached, isExhausted } = state;
  const about = { budgetId, projectId };
  const isActive = isActiveBudget(state, at);
  const isOver = isActive && consumedMicros >= totalMicros;
  const told = isActive
    ? thresholds.filter((percent) => !reached.includes(percent) && isReached(consumedMicros, totalMicros, percent))
    : [];
  const events = told.map((percent): BudgetEvent => {
    return { type: 'BudgetThresholdReached', ...about, percent, consumedMicros, totalMicros, at };
  });
  if (isOver && !isExhausted)
    events.push({ type: 'BudgetExhausted', ...about, policy, consumedMicros, totalMicros, until, at });
  if (!isOver && isExhausted) events.push({ type: 'BudgetReleased', ...about, at });
  return events;
};

/** The same terms under the same id: a request whose answer was lost. What was changed since was not asked for again. */
const isRepeated = (
  { projectId, alias, totalMicros, policy, thresholds }: BudgetState,
  command: Extract<BudgetCommand, { type: 'CreateBudget' }>,
): boolean =>
  projectId === command.projectId &&
  alias === command.alias &&
  totalMicros === command.totalMicros &&
  policy === command.policy &&
  thresholds.join() === command.thresholds.join();

const change = (
  state: BudgetState,
  command: Extract<BudgetCommand, { type: 'ChangeBudget' }>,
): ReturnType<typeof budgetDecider.decide> => {
  const { type: _type, at, consumedMicros, ...changes } = command;
  const { alias, totalMicros, policy, until, thresholds, budgetId, projectId } = { ...state, ...changes };
  const terms: BudgetTerms = { alias, totalMicros, policy, until, thresholds };
  const bad = badTerms(terms, state.from);
  if (bad) return bad;
  const changed: BudgetEvent = { type: 'BudgetChanged', budgetId, ...terms, consumedMicros, at };
  // Another policy holds something else back: what the old one held is let go of first.
  const released: readonly BudgetEvent[] =
    state.isExhausted && policy !== state.policy ? [{ type: 'BudgetReleased', budgetId, projectId, at }] : [];
  const after = [...released, changed].reduce(budgetDecider.evolve, state);
  return accept(...released, changed, ...noted(after, consumedMicros, at));
};

/**
 * One budget. Rejections: `budget-exists`, `budget-not-found`, `budget-archived`, `bad-amount`, `budget-empty`, `bad-thresholds`. What is noted again
 * changes nothing.
 */
export const budgetDecider: Decider<BudgetState, BudgetCommand, BudgetEvent> = {
  initial,
  decide: (state, command) => {
    if (command.type === 'CreateBudget') {
      if (state.budgetId !== '')
        return isRepeated(state, command) ? accept() : reject('conflict', 'budget-exists', 'The budget exists');
      const { type: _type, consumedMicros, ...facts } = command;
      const bad = badTerms(facts, facts.from);
      if (bad) return bad;
      const created: BudgetEvent = { type: 'BudgetCreated', ...facts };
      return accept(created, ...noted(budgetDecider.evolve(state, created), consumedMicros, facts.at));
    }
    if (state.budgetId === '') return noSuchBudget;
    switch (command.type) {
      case 'ChangeBudget':
        return state.isArchived
          ? reject('invalid', 'budget-archived', 'The budget is archived')
          : change(state, command);
      case 'NoteBudgetUsed':
        return accept(...noted(state, command.consumedMicros, command.at));
      case 'ArchiveBudget': {
        const { budgetId, projectId } = state;
        const { at } = command;
        if (state.isArchived) return accept();
        const released: readonly BudgetEvent[] = state.isExhausted
          ? [{ type: 'BudgetReleased', budgetId, projectId, at }]
          : [];
        return accept<BudgetEvent>(...released, { type: 'BudgetArchived', budgetId, at });
      }
      default:
        return assertNever(command);
    }
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'BudgetCreated': {
        const { type: _type, at: _at, ...facts } = event;
        return { ...state, ...facts };
      }
      case 'BudgetChanged': {
        const { alias, totalMicros, policy, until, thresholds, consumedMicros } = event;
        const reached = state.reached.filter((percent) => isReached(consumedMicros, totalMicros, percent));
        return { ...state, alias, totalMicros, policy, until, thresholds, reached };
      }
      case 'BudgetThresholdReached':
        return { ...state, reached: [...state.reached, event.percent] };
      case 'BudgetExhausted':
        return { ...state, isExhausted: true };
      case 'BudgetReleased':
        return { ...state, isExhausted: false };
      case 'BudgetArchived':
        return { ...state, isArchived: true };
      default:
        return assertNever(event);
    }
  },
};
