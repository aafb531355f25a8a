import { Inject, Injectable } from '@nestjs/common';
import type { CommitMeta } from '@fornax/contracts';
import { webhookDecider, type WebhookCommand } from '@fornax/domain';
import { CommandRejected, decideAndAppend, type EventLog } from '@fornax/event-store';
import {
  CORE_CONFIG,
  EVENT_LOG,
  newId,
  NotFound,
  ProjectionHost,
  Unavailable,
  type CoreConfig,
} from '@fornax/service-kit';
import { WEBHOOKS } from './webhooks.projection.js';

/** Decisions about webhooks; answered once the rows show them. */
@Injectable()
export class WebhookCommands {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly host: ProjectionHost,
    @Inject(CORE_CONFIG) private readonly config: CoreConfig,
  ) {}

  /** @throws NotFound */
  async decide(webhookId: string, command: WebhookCommand, meta: CommitMeta): Promise<void> {
    try {
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
    } catch (error) {
      if (error instanceof CommandRejected && error.rejection.code === 'webhook-not-found')
        throw new NotFound(`No such webhook: ${webhookId}`, { code: error.rejection.code, cause: error });
      throw error;
    }
  }

  /** @throws Unavailable the rows have not come up to the log in time */
  async caughtUp(sequence: number, timeoutMs = this.config.readYourWritesTimeoutMs): Promise<void> {
    if (!(await this.host.waitFor(WEBHOOKS, sequence, timeoutMs)))
      throw new Unavailable('The webhooks are not up to date yet', { code: 'webhooks-behind' });
  }
}
