import { Inject, Injectable } from '@nestjs/common';
import type { CommitMeta } from '@fornax/contracts';
import { webhookDecider, type WebhookCommand } from '@fornax/domain';
import { decideAndAppend, type EventLog } from '@fornax/event-store';
import { CORE_CONFIG, EVENT_LOG, ProjectionHost, type CoreConfig } from '@fornax/service-kit';
import { newId, Unavailable } from '@fornax/base';
import { WEBHOOKS } from './webhooks.projection.js';

/** Decisions about webhooks; answered once the rows show them. */
@Injectable()
export class WebhookCommands {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly host: ProjectionHost,
    @Inject(CORE_CONFIG) private readonly config: CoreConfig,
  ) {}

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
    await this.host.waitFor(WEBHOOKS, sequence, this.config.readYourWritesTimeoutMs);
  }

  /** @throws Unavailable the rows have not come up to the log in time */
  async caughtUp(sequence: number, timeoutMs = this.config.readYourWritesTimeoutMs): Promise<void> {
    if (!(await this.host.waitFor(WEBHOOKS, sequence, timeoutMs)))
      throw new Unavailable('The webhooks are not up to date yet', { code: 'webhooks-behind' });
  }
}
