import type { BudgetEvent } from './budget.events.js';
import type { InstantMs } from '../shared/time.js';
import type { CreditsEvent } from './credits.events.js';

/** Every event of the `spending` aggregate: of credits under the id of their account, of budgets each under its own. */
export type SpendingEvent = CreditsEvent | BudgetEvent;

/** Nothing new of an account, or of a project, is accepted or started. */
export interface SpendingHold {
  readonly kind: 'credits' | 'budget';
  /** The account or the project. */
  readonly holder: string;
  /** What runs is ended as well. */
  readonly stops: boolean;
  /** When it was used up. */
  readonly at: InstantMs;
  /** From then on it holds back nothing, also when nobody says so; null: until somebody does. */
  readonly until: InstantMs | null;
}

/** A hold that ends what runs, and the credits or the budget that it is of. */
export interface StoppingHold extends SpendingHold {
  readonly spendingId: string;
}

const isOver = ({ until }: SpendingHold, now: InstantMs): boolean => until !== null && until <= now;

const HELD = {
  credits: { reason: 'credits-exhausted', detail: 'the account has used up the credits that it was granted' },
  budget: { reason: 'budget-exhausted', detail: 'a budget of the project is used up' },
} as const;

/** Why what is held back waits. */
export const whyHeld = ({ kind }: SpendingHold): (typeof HELD)[SpendingHold['kind']] => HELD[kind];

/** What an event says of the hold of its credits or budget: one, none any more (null), or nothing. @param known the hold before it */
const holdAfter = (known: SpendingHold | undefined, event: SpendingEvent): SpendingHold | null | undefined => {
  switch (event.type) {
    case 'CreditsExhausted':
      return { kind: 'credits', holder: event.accountId, stops: false, at: event.at, until: null };
    case 'BudgetExhausted':
      return event.policy === 'AlertOnly'
        ? undefined
        : {
            kind: 'budget',
            holder: event.projectId,
            stops: event.policy === 'StopAndBlockAll',
            at: event.at,
            until: event.until ?? null,
          };
    case 'CreditsRestored':
    case 'BudgetReleased':
      return null;
    case 'BudgetChanged':
      return known && { ...known, until: event.until };
    default:
      return undefined;
  }
};

/** Who may start nothing new, and why: small, and in the memory of everybody who has to know. */
export class SpendingHolds {
  /** By the id of the credits or of the budget. */
  private readonly holds = new Map<string, SpendingHold>();
  private readonly byHolder = new Map<string, Set<string>>();

  get size(): number {
    return this.holds.size;
  }

  get(spendingId: string): SpendingHold | undefined {
    return this.holds.get(spendingId);
  }

  put(spendingId: string, hold: SpendingHold | null): void {
    const known = this.holds.get(spendingId);
    if (known) {
      const ids = this.byHolder.get(known.holder);
      ids?.delete(spendingId);
      if (ids?.size === 0) this.byHolder.delete(known.holder);
      this.holds.delete(spendingId);
    }
    if (!hold) return;
    this.holds.set(spendingId, hold);
    const ids = this.byHolder.get(hold.holder) ?? new Set<string>();
    this.byHolder.set(hold.holder, ids.add(spendingId));
  }

  /** @returns whether something changed */
  fold(spendingId: string, events: readonly SpendingEvent[]): boolean {
    let isChanged = false;
    for (const event of events) {
      const hold = holdAfter(this.holds.get(spendingId), event);
      if (hold === undefined) continue;
      this.put(spendingId, hold);
      isChanged = true;
    }
    return isChanged;
  }

  /** Those that end what runs, at an instant. */
  stopping(now: InstantMs): readonly StoppingHold[] {
    return [...this.holds].flatMap(([spendingId, hold]) =>
      hold.stops && !isOver(hold, now) ? [{ ...hold, spendingId }] : [],
    );
  }

  /** The first instant after this one at which a hold is over by itself; undefined: none is. */
  nextEnd(now: InstantMs): InstantMs | undefined {
    let next: InstantMs | undefined;
    for (const { until } of this.holds.values())
      if (until !== null && until > now && (next === undefined || until < next)) next = until;
    return next;
  }

  /**
   * What holds a task or pool of an account in a project back at an instant; credits before budgets. A task that names no project is in the one that its
   * account began with.
   */
  of(owner: string, projectUuid: string | null, now: InstantMs): SpendingHold | undefined {
    if (this.holds.size === 0) return undefined;
    const found = (holder: string, kind: SpendingHold['kind']): SpendingHold | undefined => {
      for (const id of this.byHolder.get(holder) ?? []) {
        const hold = this.holds.get(id);
        if (hold?.kind === kind && !isOver(hold, now)) return hold;
      }
      return undefined;
    };
    return found(owner, 'credits') ?? found(projectUuid ?? owner, 'budget');
  }
}
