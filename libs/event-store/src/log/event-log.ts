import type { Aggregate, Commit, FornaxEvent, RecordedCommit } from '@fornax/contracts';

/** Another writer came first: fold the tail and decide again. */
export class VersionConflict extends Error {
  constructor(
    readonly aggregate: Aggregate,
    readonly aggregateId: string,
    readonly expected: number,
    options?: ErrorOptions,
  ) {
    super(`${aggregate} ${aggregateId} has moved past sequence ${expected}`, options);
    this.name = 'VersionConflict';
  }
}

/**
 * Nothing is decided about this aggregate for now: a message of its own cannot be read, or its fold throws, so nobody knows its state for
 * sure. The text says what to do.
 */
export class AggregateStopped extends Error {
  constructor(
    readonly aggregate: Aggregate,
    readonly aggregateId: string,
    readonly reason: string,
    readonly entryId: string | undefined,
    options?: ErrorOptions,
  ) {
    const look = entryId === undefined ? 'fornax log quarantine list' : `fornax log quarantine show ${entryId}`;
    super(`${aggregate} ${aggregateId} is stopped: ${reason}. An operator can look at it and decide: ${look}`, options);
    this.name = 'AggregateStopped';
  }
}

/** The log cannot be written: nothing was appended, unless it is an `OutcomeUnknown`. */
export class LogUnavailable extends Error {
  constructor(detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'LogUnavailable';
  }
}

/**
 * The commit was sent and nobody answered, also when it was sent again: it may be in the log, now or in a moment. Repeating it with the same
 * commit id is safe within the duplicate window, and tells.
 */
export class OutcomeUnknown extends LogUnavailable {
  constructor(detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'OutcomeUnknown';
  }
}

/**
 * Nothing may be written to the log at present, and somebody has to do something about it: nothing was appended. The text is for whoever
 * asked, and names what is wrong.
 */
export class WritesStopped extends LogUnavailable {
  constructor(
    /** HTTP's word for it: 507 when there is no room, 503 for all else. */
    readonly status: 503 | 507,
    detail: string,
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.name = 'WritesStopped';
  }
}

/** A commit has more bytes than a message may have: nothing was appended, nor will be. */
export class CommitTooLarge extends Error {
  constructor(
    readonly aggregate: Aggregate,
    readonly aggregateId: string,
    readonly sizeBytes: number,
    readonly mostBytes: number,
  ) {
    super(`what is to be recorded of ${aggregate} ${aggregateId} has ${sizeBytes} bytes, more than ${mostBytes}`);
    this.name = 'CommitTooLarge';
  }
}

/**
 * The log is not the one that was read before: its stream was wiped, recreated, or restored to an earlier end. Whoever folded it
 * must start over; going on would skip commits silently (architecture, section 2).
 */
export class LogReset extends Error {
  constructor(detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'LogReset';
  }
}

/**
 * The log has lost commits that it once held, or holds other bytes than were appended (architecture, section 2). Nobody goes past that place,
 * until an operator has put a good copy back, or has decided to go on without what is lost. The text says what to do.
 */
export class LogDamaged extends Error {
  constructor(
    /** First sequence that is damaged. */
    readonly sequence: number,
    readonly detail: string,
    readonly entryId: string,
    options?: ErrorOptions,
  ) {
    super(
      `the event log is damaged: ${detail}. Put a good copy of it back, or go on without what is lost: fornax log quarantine drop ${entryId}`,
      options,
    );
    this.name = 'LogDamaged';
  }
}

/** A place where the event log itself is damaged: `through` is the last sequence of it, `missing` how many of them are meant. */
export interface DamagedPlace {
  readonly id: string;
  readonly from: number;
  readonly through: number;
  readonly missing: number;
  readonly isGap: boolean;
  readonly reason: string;
  /** An operator has decided to go on without what is lost there. */
  readonly isGivenUp: boolean;
}

/** Which log this is and how long it is. Another epoch, or a head below a checkpoint, means that the stream was wiped or went back. */
/** How large a log is. */
export interface LogExtent {
  /** The first sequence that it holds. */
  readonly first: number;
  readonly commits: number;
  readonly bytes: number;
}

export interface LogHead {
  readonly epoch: string;
  readonly sequence: number;
}

/**
 * Whoever knows whether the log is still the one that this process has read. With it a follower waits while the log is another one, or ends
 * before what was read, and goes on by itself where it stood once it is the right one again.
 */
export interface LogGate {
  /** Resolves once nobody is looking any more whether the log is the right one, as after every reconnect. */
  verified(): Promise<void>;
  /** Resolves when the log is the right one. Also when `signal` aborts. */
  opened(signal: AbortSignal): Promise<void>;
  /** Told of every sequence that was read by following, or given to an append. */
  saw(sequence: number): void;
  /** Looks now. @returns whether the log is not the one that was read, so that who follows it has to wait */
  isClosed(): Promise<boolean>;
}

export interface SubscribeOptions {
  /** First sequence wanted. */
  readonly from: number;
  /** Only these aggregates; all when absent. */
  readonly aggregates?: readonly Aggregate[];
  /** Of those, only the commits that it says yes to; the others move the progress and wake nobody. Default: all. */
  readonly wants?: (commit: RecordedCommit) => boolean;
  /** Most commits handed over at once (default 500). A batch holds what has arrived, it does not wait to fill. */
  readonly maxBatch?: number;
  /** The log that `from` was counted in; the one that was opened when absent. */
  readonly epoch?: string;
  /**
   * Told when the log is being followed (again, after a break), after a batch was handled, or when only other aggregates' commits came by, up to which sequence everything wanted has
   * been handed over. With exactly one aggregate the server sends no others, so this stops at that aggregate's last commit:
   * ask `nextSequence` whether anything lies between.
   */
  readonly onProgress?: (sequence: number) => void;
  /** Told before an error of `onBatch` or of the connection is retried. Default: nothing. */
  readonly onError?: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/**
 * The event log. `JetStreamLog` is the real one, `InMemoryLog` passes the same contract suite.
 */
export interface EventLog {
  /**
   * Appends one commit to its aggregate.
   * @param expected sequence of the aggregate's last commit that the decision was made on; 0 for a new aggregate
   * @returns the sequence given to this commit; a repeated `commit.id` returns the first one's
   * @throws VersionConflict
   * @throws LogUnavailable nothing was appended
   * @throws WritesStopped nothing may be written at present
   * @throws OutcomeUnknown
   * @throws AggregateStopped a message of the aggregate cannot be read, and nobody has decided about it yet
   */
  append(aggregate: Aggregate, aggregateId: string, commit: Commit, expected: number): Promise<number>;
  /**
   * Commits of one aggregate after `after` (exclusive), in order, to the end as it is now, `most` of them at most.
   * @throws LogDamaged
   */
  readAggregate(
    aggregate: Aggregate,
    aggregateId: string,
    after?: number,
    most?: number,
  ): Promise<readonly RecordedCommit[]>;
  /**
   * All commits from `from` up to `to` (inclusive; the head when absent), in batches, in order.
   * @throws LogDamaged
   */
  read(options: {
    readonly from: number;
    readonly to?: number;
    readonly aggregates?: readonly Aggregate[];
    readonly maxBatch?: number;
    /** Gives what is left of a damaged log instead of an error; what it meets on the way is noticed (`damagedPlaces`). */
    readonly despiteDamage?: boolean;
  }): AsyncIterable<readonly RecordedCommit[]>;
  /**
   * Follows the log for good: `onBatch` is awaited, batches come in order and never overlap. Survives reconnects (continues after the last
   * batch handled). An error thrown by `onBatch` is retried with backoff (100 ms doubling to 5 s) and told to `onError`, never skipped.
   * Resolves when `signal` aborts and the batch in hand is done.
   * @throws LogReset the stream was wiped or recreated, or ends before `from - 1`
   */
  subscribe(options: SubscribeOptions, onBatch: (batch: readonly RecordedCommit[]) => Promise<void>): Promise<void>;
  /** Where the log has lost commits or holds other bytes than were appended, as far as anybody has noticed; also what operators gave up. */
  damagedPlaces(): readonly DamagedPlace[];
  /** Highest sequence appended so far, and which log this is now. About 0.5 ms. */
  head(): Promise<LogHead>;
  /** Sequence of the first commit after `after` that belongs to one of these aggregates, or undefined when there is none yet. */
  nextSequence(aggregates: readonly Aggregate[], after: number): Promise<number | undefined>;
  /** Asks busy writers of this aggregate, in all processes, to pause for a writer that waits. Best effort. */
  askToYield(aggregate: Aggregate, aggregateId: string): void;
  /** Calls `listener` with each aggregate of this kind for which a writer waits, until `signal` aborts. */
  onAskedToYield(aggregate: Aggregate, listener: (aggregateId: string) => void, signal: AbortSignal): void;
}

/** The start of a decision about one aggregate: a folded state and its sequence. */
export interface Loaded<S> {
  readonly state: S;
  readonly sequence: number;
}

export type AnyEvent = FornaxEvent;
