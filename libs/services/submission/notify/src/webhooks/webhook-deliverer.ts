import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { type EventLog, lead, LogReset, type Nats } from '@fornax/event-store';
import { CLOCK, CORE_CONFIG, type CoreConfig, EVENT_LOG, LOGGER, NATS } from '@fornax/service-kit';
import { Sealer } from '@fornax/identity';
import { type Clock, type Logger, newId, delay } from '@fornax/base';
import { NOTIFY_CONFIG, type NotifyConfig } from '../config/notify-config.js';
import { EventFeed } from '../feed/event-feed.js';
import { AccountGate } from './account-gate.js';
import { WebhookCommands } from './webhook-commands.js';
import type { WebhookRow } from './webhook-row.js';
import { WebhookSender } from './webhook-sender.js';
import { WebhookStore } from './webhook-store.js';
import { Undeliverable, WebhookWorker, type WorkerParts } from './webhook-worker.js';

const RETRY_MS = 1_000;
const CAUGHT_UP_MS = 10_000;

interface Running {
  readonly version: number;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/** Delivers all webhooks while it leads; of the replicas of the service one does. A successor begins where the positions stand. */
@Injectable()
export class WebhookDeliverer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private leading: Promise<void> = Promise.resolve();

  constructor(
    @Inject(NATS) private readonly nats: Nats,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(CORE_CONFIG) private readonly core: CoreConfig,
    @Inject(NOTIFY_CONFIG) private readonly config: NotifyConfig,
    private readonly feed: EventFeed,
    private readonly store: WebhookStore,
    private readonly sender: WebhookSender,
    private readonly gate: AccountGate,
    private readonly sealer: Sealer,
    private readonly commands: WebhookCommands,
  ) {}

  onApplicationBootstrap(): void {
    const options = {
      name: 'webhooks',
      candidate: `${this.core.name}-${newId()}`,
      ttlMs: this.config.webhooks.leaderTtlMs,
      replicas: this.core.nats.replicas,
      signal: this.stop.signal,
      onError: (error: unknown) => this.logger.warn({ err: error }, 'delivering webhooks was interrupted'),
    };
    this.leading = lead(this.nats, options, (_, signal) => this.term(signal));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.leading.catch((error: unknown) => this.logger.warn({ err: error }, 'webhooks did not stop cleanly'));
  }

  /** One worker for each active webhook; whenever one changes, its worker begins anew. */
  private async term(signal: AbortSignal): Promise<void> {
    const workers = new Map<string, Running>();
    const over = new AbortController();
    const term = AbortSignal.any([signal, over.signal]);
    const reconcile = async (sequence: number): Promise<void> => {
      await this.commands.caughtUp(sequence, CAUGHT_UP_MS);
      const wanted = new Map((await this.store.active()).map((row) => [row.webhookId, row]));
      for (const [id, running] of workers) {
        if (wanted.get(id)?.version === running.version) continue;
        running.stop.abort();
        await running.done;
        workers.delete(id);
      }
      for (const row of wanted.values())
        if (!workers.has(row.webhookId)) workers.set(row.webhookId, this.start(row, term));
    };
    try {
      const { epoch, sequence } = await this.log.head();
      await reconcile(sequence);
      const options = { from: sequence + 1, epoch, aggregates: ['webhook'] as const, signal: term };
      await this.log.subscribe(options, (batch) => reconcile(batch.at(-1)?.sequence ?? 0));
    } finally {
      over.abort();
      await Promise.all([...workers.values()].map(({ done }) => done));
    }
  }

  private start(row: WebhookRow, term: AbortSignal): Running {
    const stop = new AbortController();
    const signal = AbortSignal.any([term, stop.signal]);
    return { version: row.version, stop, done: this.work(row, signal) };
  }

  /** Never throws: what fails is parked or tried again. */
  private async work(row: WebhookRow, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.feed.closed.aborted) {
      try {
        await new WebhookWorker(row, this.parts()).run(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (await this.parked(row, error)) return;
        this.logger.warn({ err: error, webhook: row.webhookId }, 'a webhook is interrupted, trying again');
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
      const at = this.clock.now();
      await this.commands.decide(webhookId, { type: 'ParkWebhook', reason: error.message, sequence, at }, meta);
      return true;
    } catch (failure) {
      this.logger.warn({ err: failure, webhook: webhookId }, 'a webhook could not be parked');
      return false;
    }
  }

  private parts(): WorkerParts {
    const { feed, log, store, sender, gate, sealer, clock } = this;
    return { feed, log, store, sender, gate, sealer, clock, settings: this.config.webhooks };
  }
}
