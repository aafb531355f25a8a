import { Inject, Injectable } from '@nestjs/common';
import type { EventLog } from '@fornax/event-store';
import { Sealer } from '@fornax/identity';
import { EVENT_LOG } from '@fornax/service-kit';
import { EventFeed } from '../feed/event-feed.js';
import { eventsFor, type EventFilter } from '../feed/event-filter.js';
import type { FeedBatch } from '../feed/recent-entries.js';
import type { Delivery } from './delivery-batch.js';
import { Undeliverable, WebhookDelivery } from './webhook-delivery.js';
import type { WebhookRow } from './webhook-row.js';
import { WebhookStore } from './webhook-store.js';

const IDLE_MS = 30_000;
const LOST = 'its address and secret were sealed with a master key that is lost: delete it and create it again';
/** Places of the log that may be looked at again after a restart, when nothing in them was to be sent. */
const UNSAVED = 1_000;

/** The message of the Standard Webhooks format; its id is the event's own, so a repetition can be told. */
const messagesOf = ({ entries }: FeedBatch, filter: EventFilter): readonly Delivery[] =>
  entries.flatMap((entry) =>
    eventsFor(filter, entry).map(({ index, type, at, json }) => ({
      sequence: entry.sequence,
      taskId: entry.about,
      message: {
        id: `evt_${entry.sequence}_${index}`,
        body: `{"type":${JSON.stringify(type)},"timestamp":${JSON.stringify(at)},"data":${json}}`,
      },
    })),
  );

/**
 * Delivers a webhook from where it stands, for good: at least once, in order for each task.
 * The position moves when all up to it was taken, so what was under way when a process died is sent again.
 */
@Injectable()
export class WebhookWorker {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly feed: EventFeed,
    private readonly store: WebhookStore,
    private readonly sealer: Sealer,
    private readonly delivery: WebhookDelivery,
  ) {}

  /** Resolves when `signal` aborts. @throws Undeliverable @throws LogReset */
  async run(webhook: WebhookRow, signal: AbortSignal): Promise<void> {
    const { owner, filter, sealedUrl, sealedSecret } = webhook;
    const [url, secret] = [this.sealer.opened(sealedUrl), this.sealer.opened(sealedSecret)];
    if (url === undefined || secret === undefined) throw new Undeliverable(0, LOST);
    const receiver = { url, secret };
    const { epoch } = await this.log.head();
    const { sequence } = await this.store.delivery(webhook);
    let saved = sequence;
    for await (const batch of this.feed.read({ epoch, sequence }, IDLE_MS, signal)) {
      const deliveries = messagesOf(batch, { owner, ...filter });
      if (deliveries.length > 0) await this.delivery.deliver(webhook, receiver, deliveries, signal);
      if (signal.aborted) return;
      if (deliveries.length === 0 && batch.sequence - saved < UNSAVED) continue;
      await this.delivery.passed(webhook, batch.sequence, deliveries.length > 0);
      saved = batch.sequence;
    }
  }
}
