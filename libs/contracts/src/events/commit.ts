import type {
  AccountEvent,
  BucketEvent,
  NodeEvent,
  NodeTokenEvent,
  PricingEvent,
  SnapshotEvent,
  TaskEvent,
  WebhookEvent,
} from '@fornax/domain';
import type { Aggregate } from '../subjects.js';

/** Every event there is. */
export type FornaxEvent =
  TaskEvent | NodeEvent | NodeTokenEvent | BucketEvent | SnapshotEvent | AccountEvent | PricingEvent | WebhookEvent;

/** Who and why, carried by every event (architecture, section 2). */
export interface CommitMeta {
  /** Who asked: `user:<account id>`, `service:<name>` or `node:<node id>`. */
  readonly actor: string;
  /** The service that decided, e.g. `scheduler`. */
  readonly source: string;
  /** The same for all that follows from one request. */
  readonly correlationId: string;
  /** Id of the commit or report that led to this one. */
  readonly causationId?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
  /** The leader's epoch, on the scheduler's commits: a fencing token. */
  readonly leaderEpoch?: number;
}

/** The events of one decision, appended whole. `id` makes the append repeatable: it comes from the command, not from the try. */
export interface Commit<E extends FornaxEvent = FornaxEvent> {
  readonly id: string;
  readonly events: readonly E[];
  readonly meta: CommitMeta;
  /** The decider's clock, milliseconds since the epoch. */
  readonly at: number;
}

/** A commit as it stands in the log. */
export interface RecordedCommit<E extends FornaxEvent = FornaxEvent> extends Commit<E> {
  /** Place in the stream: the order of everything. */
  readonly sequence: number;
  readonly aggregate: Aggregate;
  readonly aggregateId: string;
}
