import { Inject, Injectable } from '@nestjs/common';
import { type Clock, delay } from '@fornax/base';
import { CLOCK } from '@fornax/service-kit';
import { NOTIFY_CONFIG, type NotifyConfig } from '../config/notify-config.js';
import { AccountGate } from './account-gate.js';
import { deliverBatch, type Delivery } from './delivery-batch.js';
import { deliveryPauseMs } from './delivery-pause.js';
import type { WebhookRow } from './webhook-row.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhookStore } from './webhook-store.js';

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

/** Where a webhook is sent to, and what it is signed with, in clear. */
export interface Receiver {
  readonly url: string;
  readonly secret: string;
}

/** Sends the messages of a webhook, each until its receiver took it, and keeps how that goes. */
@Injectable()
export class WebhookDelivery {
  constructor(
    private readonly sender: WebhookSender,
    private readonly gate: AccountGate,
    private readonly store: WebhookStore,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(NOTIFY_CONFIG) private readonly config: NotifyConfig,
  ) {}

  /**
   * Sends a batch; the position moves up to the first message that was not taken.
   * @throws Undeliverable one was not taken, however often it was tried
   */
  async deliver(
    webhook: WebhookRow,
    receiver: Receiver,
    deliveries: readonly Delivery[],
    signal: AbortSignal,
  ): Promise<void> {
    const { left, reason } = await deliverBatch(
      deliveries,
      (delivery, over) => this.send(webhook, receiver, delivery, over),
      signal,
    );
    const [first] = left;
    if (!first) return;
    await this.store.delivered(webhook, first.sequence - 1, null);
    if (!signal.aborted) throw reason;
  }

  /** Keeps that everything up to a place of the log was taken. @param wasSent whether anything of it was to be sent */
  async passed(webhook: WebhookRow, sequence: number, wasSent: boolean): Promise<void> {
    await this.store.delivered(webhook, sequence, wasSent ? this.clock.now() : null);
  }

  private async send(
    webhook: WebhookRow,
    { url, secret }: Receiver,
    { sequence, message }: Delivery,
    signal: AbortSignal,
  ): Promise<void> {
    const { attempts, retryMs } = this.config.webhooks;
    for (let attempt = 1; ; attempt += 1) {
      await this.gate.open(webhook.owner, signal);
      signal.throwIfAborted();
      const result = await this.sender.send(url, secret, message, signal);
      if (result.ok) return;
      signal.throwIfAborted();
      await this.store.failed(webhook, result.error, this.clock.now());
      if (result.isFinal || attempt >= attempts) throw new Undeliverable(sequence, result.error);
      await delay(deliveryPauseMs(attempt, retryMs), signal);
      signal.throwIfAborted();
    }
  }
}
