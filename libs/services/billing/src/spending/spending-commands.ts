import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@fornax/base';
import { newId } from '@fornax/base';
import type { CommitMeta } from '@fornax/contracts';
import {
  budgetDecider,
  creditsDecider,
  type BudgetCommand,
  type BudgetEvent,
  type CreditsCommand,
  type CreditsEvent,
  type Decider,
  type SpendingEvent,
} from '@fornax/domain';
import { decideAndAppend, type EventLog } from '@fornax/event-store';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';

type Timeless<C> = C extends unknown ? Omit<C, 'at'> : never;

/** Decides about credits and budgets, and appends it. @throws CommandRejected */
@Injectable()
export class SpendingCommands {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  credits(accountId: string, command: Timeless<CreditsCommand>, meta: CommitMeta): Promise<readonly CreditsEvent[]> {
    return this.append(accountId, creditsDecider, { ...command, at: this.clock.now() }, meta);
  }

  budget(budgetId: string, command: Timeless<BudgetCommand>, meta: CommitMeta): Promise<readonly BudgetEvent[]> {
    return this.append(budgetId, budgetDecider, { ...command, at: this.clock.now() }, meta);
  }

  private async append<S, C extends { readonly at: number }, E extends SpendingEvent>(
    id: string,
    decider: Decider<S, C, E>,
    command: C,
    meta: CommitMeta,
  ): Promise<readonly E[]> {
    const { at } = command;
    const request = {
      log: this.log,
      aggregate: 'spending' as const,
      id,
      decider,
      command,
      commitId: newId(),
      meta,
      at,
    };
    return (await decideAndAppend(request)).events;
  }
}
