import type { AuditMessage, WireTask, WireWaiting } from '@fornax/contracts';
import { schemasOf } from './lazy-parser.js';
import { ApiError } from './api-error.js';
import { delay } from './delay.js';
import { readAudit } from './log-audit.js';
import type { JsonCall, OpenStream } from './api-connection.js';
import { readSse } from './sse.js';
import { trusted } from './wire-types.js';

const schema = schemasOf(() => import('../schemas/tasks.js'));

/** Something that happened to a task. */
export interface TaskEventRecord {
  readonly id: string;
  readonly sequence: number;
  readonly type: string;
  readonly at: string;
  readonly taskId: string;
  readonly actor: string;
  /** The owner of the task: `user:<account id>`. */
  readonly onBehalfOf: string;
  readonly reason: string | null;
  readonly source: string;
  readonly correlationId: string;
  readonly causationId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}
interface EventPage {
  readonly events: readonly TaskEventRecord[];
  readonly next: number | null;
}

/** A message of the live stream: `snapshot`, `reset`, or the type of an event. */
export interface LiveMessage {
  /** Where to go on from; empty while that is not possible yet. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}
export interface FollowOptions {
  readonly tasks?: readonly string[];
  readonly types?: readonly string[];
  /** Everybody's tasks; operators only. */
  readonly all?: boolean;
  readonly snapshot?: boolean;
  /** Id of the last message that was seen. */
  readonly after?: string;
  readonly signal: AbortSignal;
}

export interface WebhookRecord {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly state: string;
  readonly position: number;
  readonly failures: number;
  readonly lastError: string | null;
  readonly lastDeliveryAt: string | null;
  readonly parkedReason: string | null;
}
export interface NewWebhook {
  readonly url: string;
  readonly name?: string;
  readonly tasks?: readonly string[];
  readonly types?: readonly string[];
  readonly from?: string;
}
export interface WebhookTestRecord {
  readonly ok: boolean;
  readonly status: number | null;
  readonly error: string | null;
  readonly durationMs: number;
}

const RECONNECT_MS = 1_000;
const WEBHOOKS = '/fornax/v1/webhooks';
const taskPath = (id: string): string => `/fornax/v1/tasks/${encodeURIComponent(id)}`;
const hookPath = (id: string): string => `${WEBHOOKS}/${encodeURIComponent(id)}`;

/** What the event log makes possible: history, time travel, live events, webhooks. */
export class HistoryClient {
  constructor(
    private readonly json: JsonCall,
    private readonly open: OpenStream,
  ) {}

  /** Every event of a task and its snapshots, in order. @param after only commits after this sequence */
  async *events(id: string, after = 0): AsyncGenerator<TaskEventRecord> {
    for (let next: number | null = after; next !== null;) {
      const page: EventPage = await this.json('GET', `${taskPath(id)}/events?after=${next}`, trusted<EventPage>());
      yield* page.events;
      ({ next } = page);
    }
  }

  /** @param asOf a sequence of the log, or an instant (RFC 3339) */
  taskAsOf(id: string, asOf: string): Promise<WireTask> {
    return this.json('GET', `${taskPath(id)}?asOf=${encodeURIComponent(asOf)}`, schema('taskSchema'));
  }

  waiting(id: string, asOf?: string): Promise<WireWaiting> {
    const query = asOf === undefined ? '' : `?asOf=${encodeURIComponent(asOf)}`;
    return this.json('GET', `${taskPath(id)}/waiting${query}`, trusted<WireWaiting>());
  }

  /**
   * What happens, live and for good: when the connection breaks it goes on after the last message. Ends when the signal aborts.
   * @throws ApiError the platform says no
   */
  async *follow(options: FollowOptions): AsyncGenerator<LiveMessage> {
    const { tasks = [], types = [], all = false, snapshot = true, signal } = options;
    const query = new URLSearchParams({ all: String(all), snapshot: String(snapshot) });
    for (const task of tasks) query.append('task', task);
    for (const type of types) query.append('types', type);
    let last = options.after ?? '';
    while (!signal.aborted) {
      try {
        const headers: Record<string, string> = last === '' ? {} : { 'last-event-id': last };
        const response = await this.open(`/fornax/v1/events?${query.toString()}`, headers, signal);
        for await (const block of readSse(response)) {
          last = block.id ?? last;
          if (block.data !== undefined) yield { id: last, event: block.event, data: block.data };
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.status < 500) throw error;
      }
      await delay(RECONNECT_MS, signal).catch(() => undefined);
    }
  }

  /** Folds the whole event log on the platform and checks it. Operators. @throws ApiError, or Error it broke off before its end */
  async *audit(signal: AbortSignal): AsyncGenerator<AuditMessage> {
    yield* readAudit(await this.open('/fornax/v1/log/audit', {}, signal));
  }

  webhooks(): Promise<readonly WebhookRecord[]> {
    return this.json('GET', WEBHOOKS, trusted<readonly WebhookRecord[]>());
  }

  /** @returns with the signing secret, which is not shown again */
  createWebhook(webhook: NewWebhook): Promise<WebhookRecord & { readonly secret: string }> {
    return this.json('POST', WEBHOOKS, trusted<WebhookRecord & { readonly secret: string }>(), { body: webhook });
  }

  webhook(id: string): Promise<WebhookRecord> {
    return this.json('GET', hookPath(id), trusted<WebhookRecord>());
  }

  async deleteWebhook(id: string): Promise<void> {
    await this.json('DELETE', hookPath(id), trusted<unknown>());
  }

  resumeWebhook(id: string): Promise<WebhookRecord> {
    return this.json('POST', `${hookPath(id)}/resume`, trusted<WebhookRecord>());
  }

  /** @param from a sequence of the log, or an instant (RFC 3339) */
  replayWebhook(id: string, from: string): Promise<WebhookRecord> {
    return this.json('POST', `${hookPath(id)}/replay`, trusted<WebhookRecord>(), { body: { from } });
  }

  testWebhook(id: string): Promise<WebhookTestRecord> {
    return this.json('POST', `${hookPath(id)}/test`, trusted<WebhookTestRecord>());
  }
}
