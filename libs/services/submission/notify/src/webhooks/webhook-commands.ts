import { Inject, Injectable } from '@nestjs/common';
import type { CommitMeta } from '@fornax/contracts';
import { webhookDecider, type WebhookCommand } from '@fornax/domain';
import { decideAndAppend, type EventLog } from '@fornax/event-store';
import type { ReadBarrier } from '@fornax/projections';
import { CLOCK, EVENT_LOG, ReadBarriers } from '@fornax/service-kit';
import { type Clock, newId, Unavailable } from '@fornax/base';
import { WEBHOOKS } from './webhooks.projection.js';

/** A command, its time still to be set. */
export type TimelessWebhookCommand = WebhookCommand extends infer C
  ? C extends { at: number }
    ? Omit<C, 'at'>
    : never
  : never;

/** Decisions about webhooks; answered once the rows show them. */
@Injectable()
export class WebhookCommands {
  private readonly barrier: ReadBarrier;

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    barriers: ReadBarriers,
  ) {
    this.barrier = barriers.of(WEBHOOKS);
  }

  /** @throws CommandRejected there is no such webhook */
  async decide(webhookId: string, timeless: TimelessWebhookCommand, meta: CommitMeta): Promise<void> {
    const at = this.clock.now();
    const command: WebhookCommand = { ...timeless, at };
    const { sequence } = await decideAndAppend({
      log: this.log,
      aggregate: 'webhook',
      id: webhookId,
      decider: webhookDecider,
      command,
      commitId: newId(),
      meta,
      at,
    });
    await this.barrier.passed(sequence);
  }

  /** @throws Unavailable the rows have not come up to the log in time */
  async caughtUp(sequence: number, timeoutMs?: number): Promise<void> {
    if (!(await this.barrier.passed(sequence, timeoutMs)))
      throw new Unavailable('The webhooks are not up to date yet', { code: 'webhooks-behind' });
  }
}
