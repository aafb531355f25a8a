import { Inject, Injectable } from '@nestjs/common';
import { LogReset } from '@fornax/event-store';
import { delay, type Logger, newId } from '@fornax/base';
import { LOGGER } from '@fornax/service-kit';
import { EventFeed } from '../feed/event-feed.js';
import { WebhookCommands } from './webhook-commands.js';
import { Undeliverable } from './webhook-delivery.js';
import type { WebhookRow } from './webhook-row.js';
import { WebhookWorker } from './webhook-worker.js';

const RETRY_MS = 1_000;

/** Keeps a webhook at work: parks it when a message cannot be delivered or its place in the log is gone, and begins again after anything else. */
@Injectable()
export class WebhookAttendant {
  constructor(
    private readonly worker: WebhookWorker,
    private readonly feed: EventFeed,
    private readonly commands: WebhookCommands,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Resolves when `signal` aborts, the process ends, or the webhook is parked. Never throws. */
  async attend(webhook: WebhookRow, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.feed.closed.aborted) {
      try {
        await this.worker.run(webhook, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (await this.parked(webhook, error)) return;
        this.logger.warn({ err: error, webhook: webhook.webhookId }, 'a webhook is interrupted, trying again');
        await delay(RETRY_MS, signal);
      }
    }
  }

  private async parked({ webhookId }: WebhookRow, error: unknown): Promise<boolean> {
    const isReset = error instanceof LogReset;
    if (!(error instanceof Undeliverable) && !isReset) return false;
    const sequence = isReset ? 0 : error.sequence;
    const meta = { actor: 'service:submission' as const, source: 'submission', correlationId: newId() };
    try {
      await this.commands.decide(webhookId, { type: 'ParkWebhook', reason: error.message, sequence }, meta);
      return true;
    } catch (failure) {
      this.logger.warn({ err: failure, webhook: webhookId }, 'a webhook could not be parked');
      return false;
    }
  }
}
