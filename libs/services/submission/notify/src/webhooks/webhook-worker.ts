import type { EventLog } from '@fornax/event-store';
import type { Sealer } from '@fornax/identity';
import { type Clock, delay } from '@fornax/base';
import type { WebhookSettings } from '../config/notify-config.js';
import type { EventFeed } from '../feed/event-feed.js';
import { eventsFor, type EventFilter } from '../feed/event-filter.js';
import type { FeedBatch } from '../feed/recent-entries.js';
import type { AccountGate } from './account-gate.js';
import { deliverBatch, type Delivery } from './delivery-batch.js';
import { deliveryPauseMs } from './delivery-pause.js';
import type { WebhookRow } from './webhook-row.js';
import type { WebhookSender } from './webhook-sender.js';
import type { WebhookStore } from './webhook-store.js';

export interface WorkerParts {
  readonly feed: EventFeed;
  readonly log: EventLog;
  readonly store: WebhookStore;
  readonly sender: WebhookSender;
  readonly gate: AccountGate;
  readonly sealer: Sealer;
  readonly clock: Clock;
  readonly settings: WebhookSettings;
}

/** A message that the receiver did not take, however often it was tried. */
export class Undeliverable extends Error {
  constructor(
    readonly sequence: number,
    reason: string,
  ) {
    super(reason);
    this.name = 'Undeliverable';
  }
}

const IDLE_MS = 30_000;
const LOST = 'its address and secret were sealed with a master key that is lost: delete it and create it again';
/** Places of the log that may be looked at again after a restart, when nothing in them was to be sent. */
const UNSAVED = 1_000;

/** The message of the Standard Webhooks format; its id is the event's own, so a repetition can be told. */
const messagesOf = ({ entries }: FeedBatch, filter: EventFilter): readonly Delivery[] =>
  entries.flatMap((entry) =>
    eventsFor(filter, entry).map(({ index, type, at, json }) => ({
      sequence: entry.sequence,
      taskId: entry.taskId,
      message: {
        id: `evt_${entry.sequence}_${index}`,
        body: `{"type":${JSON.stringify(type)},"timestamp":${JSON.stringify(at)},"data":${json}}`,
      },
    })),
  );

/**
 * Delivers one webhook from where it stands, for good: at least once, in order for each task.
 * The position moves when all up to it was taken, so what was under way when a process died is sent again.
 */
export class WebhookWorker {
  constructor(
    private readonly webhook: WebhookRow,
    private readonly parts: WorkerParts,
  ) {}

  /** Resolves when `signal` aborts. @throws Undeliverable @throws LogReset */
  async run(signal: AbortSignal): Promise<void> {
    const { log, store, feed, sealer } = this.parts;
    const { owner, filter, sealedUrl, sealedSecret } = this.webhook;
    const [url, secret] = [sealer.opened(sealedUrl), sealer.opened(sealedSecret)];
    if (url === undefined || secret === undefined) throw new Undeliverable(0, LOST);
    const target = { url, secret };
    const { epoch } = await log.head();
    const { sequence } = await store.delivery(this.webhook);
    let saved = sequence;
    for await (const batch of feed.read({ epoch, sequence }, IDLE_MS, signal)) {
      const deliveries = messagesOf(batch, { owner, ...filter });
      if (deliveries.length > 0) await this.deliver(deliveries, target, signal);
      if (signal.aborted) return;
      if (deliveries.length === 0 && batch.sequence - saved < UNSAVED) continue;
      await store.delivered(this.webhook, batch.sequence, deliveries.length > 0 ? this.parts.clock.now() : null);
      saved = batch.sequence;
    }
  }

  private async deliver(deliveries: readonly Delivery[], target: Target, signal: AbortSignal): Promise<void> {
    const { left, reason } = await deliverBatch(
      deliveries,
      (delivery, over) => this.send(delivery, target, over),
      signal,
    );
    const [first] = left;
    if (!first) return;
    await this.parts.store.delivered(this.webhook, first.sequence - 1, null);
    if (!signal.aborted) throw reason;
  }

  private async send({ sequence, message }: Delivery, { url, secret }: Target, signal: AbortSignal): Promise<void> {
    const { sender, gate, store, clock, settings } = this.parts;
    for (let attempt = 1; ; attempt += 1) {
      await gate.open(this.webhook.owner, signal);
      signal.throwIfAborted();
      const result = await sender.send(url, secret, message, signal);
      if (result.ok) return;
      signal.throwIfAborted();
      await store.failed(this.webhook, result.error, clock.now());
      if (result.isFinal || attempt >= settings.attempts) throw new Undeliverable(sequence, result.error);
      await delay(deliveryPauseMs(attempt, settings.retryMs), signal);
      signal.throwIfAborted();
    }
  }
}

interface Target {
  readonly url: string;
  readonly secret: string;
}
