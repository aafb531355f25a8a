import { Inject, Injectable } from '@nestjs/common';
import type { EventLog } from '@fornax/event-store';
import { EVENT_LOG } from '@fornax/service-kit';
import { WebhookAttendant } from './webhook-attendant.js';
import { WebhookCommands } from './webhook-commands.js';
import type { WebhookRow } from './webhook-row.js';
import { WebhookStore } from './webhook-store.js';

const CAUGHT_UP_MS = 10_000;

interface Running {
  readonly version: number;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/** Has one attendant for each active webhook; whenever one changes, it begins anew. */
@Injectable()
export class ActiveWebhooks {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly store: WebhookStore,
    private readonly commands: WebhookCommands,
    private readonly attendant: WebhookAttendant,
  ) {}

  /** Delivers all of them. Resolves when `signal` aborts. @throws Error they cannot be read or followed */
  async deliver(signal: AbortSignal): Promise<void> {
    const running = new Map<string, Running>();
    const over = new AbortController();
    const term = AbortSignal.any([signal, over.signal]);
    try {
      const { epoch, sequence } = await this.log.head();
      await this.reconcile(running, sequence, term);
      const options = { from: sequence + 1, epoch, aggregates: ['webhook'] as const, signal: term };
      await this.log.subscribe(options, (batch) => this.reconcile(running, batch.at(-1)?.sequence ?? 0, term));
    } finally {
      over.abort();
      await Promise.all([...running.values()].map(({ done }) => done));
    }
  }

  private async reconcile(running: Map<string, Running>, sequence: number, term: AbortSignal): Promise<void> {
    await this.commands.caughtUp(sequence, CAUGHT_UP_MS);
    const wanted = new Map((await this.store.active()).map((row) => [row.webhookId, row]));
    for (const [id, { version, stop, done }] of running) {
      if (wanted.get(id)?.version === version) continue;
      stop.abort();
      await done;
      running.delete(id);
    }
    for (const row of wanted.values())
      if (!running.has(row.webhookId)) running.set(row.webhookId, this.start(row, term));
  }

  private start(row: WebhookRow, term: AbortSignal): Running {
    const stop = new AbortController();
    const signal = AbortSignal.any([term, stop.signal]);
    return { version: row.version, stop, done: this.attendant.attend(row, signal) };
  }
}
