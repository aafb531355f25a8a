import type { InstantMs } from '../shared/time.js';

/**
 * What happens when a budget is used up: it is told; or nothing new is accepted or started; or what runs is ended as well, after a snapshot (contract,
 * section 3.22).
 */
export const OVERRUN_POLICIES = ['AlertOnly', 'BlockNew', 'StopAndBlockAll'] as const;
export type OverrunPolicy = (typeof OVERRUN_POLICIES)[number];

/** What may be changed of a budget. */
export interface BudgetTerms {
  /** For people; may be empty. */
  readonly alias: string;
  /** Micro-units of the currency; whole cents. */
  readonly totalMicros: number;
  readonly policy: OverrunPolicy;
  /** From then on it counts nothing and holds back nothing; null: it lasts. */
  readonly until: InstantMs | null;
  /** Percents of the total at which somebody is told, each once; rising. */
  readonly thresholds: readonly number[];
}

/**
 * A budget of a project: how much its tasks and pools may cost from an instant on.
 * States: open -> exhausted (BudgetExhausted) -> open (BudgetReleased: more was given, another policy was chosen, its time is over); archived from both, for good.
 */
export type BudgetEvent =
  | ({
      readonly type: 'BudgetCreated';
      readonly budgetId: string;
      readonly projectId: string;
      /** The account that is told. */
      readonly owner: string;
      /** The first instant that counts. */
      readonly from: InstantMs;
      readonly at: InstantMs;
    } & BudgetTerms)
  /** All of its terms, also those that stayed. */
  | ({
      readonly type: 'BudgetChanged';
      readonly budgetId: string;
      /** Until then: thresholds that are no longer reached will be told again. */
      readonly consumedMicros: number;
      readonly at: InstantMs;
    } & BudgetTerms)
  | {
      readonly type: 'BudgetThresholdReached';
      readonly budgetId: string;
      readonly projectId: string;
      readonly percent: number;
      readonly consumedMicros: number;
      readonly totalMicros: number;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'BudgetExhausted';
      readonly budgetId: string;
      readonly projectId: string;
      readonly policy: OverrunPolicy;
      readonly consumedMicros: number;
      readonly totalMicros: number;
      /** When its time is over, and with it what it holds back, whoever says so. Null: it lasts; absent in events of before, which last. */
      readonly until?: InstantMs | null;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'BudgetReleased';
      readonly budgetId: string;
      readonly projectId: string;
      readonly at: InstantMs;
    }
  | { readonly type: 'BudgetArchived'; readonly budgetId: string; readonly at: InstantMs };

export type BudgetCommand =
  | ({
      readonly type: 'CreateBudget';
      readonly budgetId: string;
      readonly projectId: string;
      readonly owner: string;
      readonly from: InstantMs;
      readonly consumedMicros: number;
      readonly at: InstantMs;
    } & BudgetTerms)
  | ({ readonly type: 'ChangeBudget'; readonly consumedMicros: number; readonly at: InstantMs } & Partial<BudgetTerms>)
  /** What the project has cost from the budget's first instant until now, or until its last. */
  | { readonly type: 'NoteBudgetUsed'; readonly consumedMicros: number; readonly at: InstantMs }
  | { readonly type: 'ArchiveBudget'; readonly at: InstantMs };
