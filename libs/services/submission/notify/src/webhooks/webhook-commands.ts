import { Inject, Injectable } from '@nestjs/common';
import type { CommitMeta } from '@fornax/contracts';
import { webhookDecider, type WebhookCommand } from '@fornax/domain';
import { decideAndAppend, type EventLog } from '@fornax/event-store';
import type { ReadBarrier } from '@fornax/projections';
import { EVENT_LOG, ReadBarriers } from '@fornax/service-kit';
import { newId, Unavailable } from '@fornax/base';
import { WEBHOOKS } from './webhooks.projection.js';

/** Decisions about webhooks; answered once the rows show them. */
@Injectable()
export class WebhookCommands {
  private readonly barrier: ReadBarrier;

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    barriers: ReadBarriers,
  ) {
    this.barrier = barriers.of(WEBHOOKS);
  }

  /** @throws CommandRejected there is no such webhook */
  async decide(webhookId: string, command: WebhookCommand, meta: CommitMeta): Promise<void> {
    const { sequence } = await decideAndAppend({
      log: this.log,
      aggregate: 'webhook',
      id: webhookId,
      decider: webhookDecider,
      command,
      commitId: newId(),
      meta,
      at: command.at,
    });
    await this.barrier.passed(sequence);
  }

  /** @throws Unavailable the rows have not come up to the log in time */
  async caughtUp(sequence: number, timeoutMs?: number): Promise<void> {
    if (!(await this.barrier.passed(sequence, timeoutMs)))
      throw new Unavailable('The webhooks are not up to date yet', { code: 'webhooks-behind' });
  }
}
