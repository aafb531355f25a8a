import type {
  AccountEvent,
  BooksEvent,
  BucketEvent,
  JobEvent,
  LinesCorrected,
  LogPrefixLeft,
  LogSegmentArchived,
  MasterKeyEvent,
  NodeEvent,
  NodeTokenEvent,
  PoolEvent,
  PricingEvent,
  ProfileEvent,
  SecretAccessEvent,
  SecretEvent,
  SnapshotEvent,
  SpendingEvent,
  StorageMetered,
  TaskEvent,
  WebhookEvent,
} from '@fornax/domain';
import type { Aggregate } from '../subjects/subjects.js';
import type { LogProbed } from './log-probe.js';

/** Every event there is. */
export type FornaxEvent =
  | TaskEvent
  | PoolEvent
  | NodeEvent
  | NodeTokenEvent
  | BucketEvent
  | JobEvent
  | SnapshotEvent
  | AccountEvent
  | PricingEvent
  | BooksEvent
  | LinesCorrected
  | WebhookEvent
  | SecretEvent
  | SecretAccessEvent
  | MasterKeyEvent
  | SpendingEvent
  | LogSegmentArchived
  | StorageMetered
  | LogPrefixLeft
  | ProfileEvent
  | LogProbed;

/** Who acts: somebody with an account, one of the services, or a compute node. */
export type Actor = `user:${string}` | `service:${string}` | `node:${string}`;
/** For whom somebody acts: whose things are changed. */
export type Principal = `user:${string}` | `organisation:${string}`;

export const isActor = (text: unknown): text is Actor =>
  typeof text === 'string' && /^(?:user|service|node):./s.test(text);

/** Characters of a reason at most. */
export const MAX_REASON_CHARS = 500;

/** Who and why, carried by every event (architecture, section 2). */
export interface CommitMeta {
  /** Who asked: `user:<account id>`, `service:<name>` or `node:<node id>`. */
  readonly actor: Actor;
  /** Whose things somebody else changed; absent where the actor owns them, where nobody does, and in commits older than this field. */
  readonly onBehalfOf?: Principal;
  /** Why, in the words of who asked: at most {@link MAX_REASON_CHARS} characters, none of them a control character. */
  readonly reason?: string;
  /** The service that decided, e.g. `scheduler`. */
  readonly source: string;
  /** The same for all that follows from one request. */
  readonly correlationId: string;
  /** Id of the commit or report that led to this one. */
  readonly causationId?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
  /**
   * The leader's epoch, on the scheduler's commits: a fencing token. In a task's stream it never falls, for an append is made on the task's last
   * commit and its author appends nothing behind one of a higher epoch; so no fold has to leave a commit out.
   */
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
