import type { NatsConnection } from '@nats-io/nats-core';
import {
  EVENT_HEADERS,
  LOG_PROBE,
  encodeCommit,
  eventSubject,
  parseEventSubject,
  type Aggregate,
  type Commit,
  type LogProbed,
} from '@fornax/contracts';
import { checksumOf } from '../damage/commit-checksum.js';
import {
  AggregateStopped,
  CommitTooLarge,
  type LogGate,
  LogUnavailable,
  OutcomeUnknown,
  VersionConflict,
  WritesStopped,
} from '../log/event-log.js';
import { eventEntryId } from '../quarantine/entries.js';
import type { Quarantine } from '../quarantine/quarantine.js';
import { onReconnect } from '../jetstream/connection.js';
import { DurablePublisher, PublishRejected } from '../jetstream/durable-publisher.js';
import { GroupedPublisher } from './grouped-publisher.js';
import type { StoredMessages } from '../jetstream/stored-messages.js';
import type { LogIntegrity } from './integrity.js';
import type { ArchivedLog } from '../left/archived-log.js';
import { type Left, type LeftPrefix } from '../jetstream/left-prefix.js';
import { MSG_ID, messageId, storedMessage } from './messages.js';
import { isMadeAfter } from './made-after.js';

const WRONG_LAST_SEQUENCE = 10071;
/** How much longer than usual the log is asked what became of a commit: all in all, and with a group's wait, well below the 30 s of a client. */
export const SETTLE_MS = 8_000;
/** Of no aggregate: nothing is ever appended to it. */
const READINESS_ID = 'readiness';
const TAKES_MS = 1_500;
const REFUSING_MS = 1_500;
/** The headers of a message count for its size. */
const HEADERS_BYTES = 4_096;
/** Other processes write probes, too. */
const PROBE_TRIES = 5;

export interface AppendOptions {
  readonly gate?: LogGate;
  /** Asked before each append: what it throws refuses the commit. */
  readonly checkWritable?: (commit: Commit) => void;
  /** Told each time the server could not store a commit, with its reason. It may go on to refuse after the cause is gone. */
  readonly onStoreRefused?: (reason: string) => void;
  /** Told of each append that the log did not take, or did not answer for. A conflict is an answer. */
  readonly onFailed?: () => void;
  /** Told after each append that is in the log, with its sequence, in the caller's asynchronous context. */
  readonly onAppended?: (sequence: number) => void;
}

export interface AppenderParts {
  readonly stored: StoredMessages;
  readonly integrity: LogIntegrity;
  readonly quarantine: Quarantine;
  /** Whether the server takes commits together. */
  readonly takesBatches: boolean;
  readonly left: LeftPrefix;
  readonly archive: ArchivedLog;
}

/** Appends commits at the sequence they were decided on, each of them once. */
export class LogAppender {
  private readonly publisher: DurablePublisher;
  private readonly grouped: GroupedPublisher | undefined;
  /** What the server said when it could not store a commit; undefined since it could. */
  private refusal: string | undefined;

  constructor(
    private readonly nc: NatsConnection,
    private readonly parts: AppenderParts,
    private readonly options: AppendOptions,
  ) {
    this.publisher = new DurablePublisher(nc, (reason) => {
      this.refusal = reason;
      options.onStoreRefused?.(reason);
    });
    onReconnect(nc, () => (this.refusal = undefined));
    this.grouped = parts.takesBatches ? new GroupedPublisher(nc, this.publisher) : undefined;
  }

  async append(aggregate: Aggregate, aggregateId: string, commit: Commit, expected: number): Promise<number> {
    return this.tellingFailures(() =>
      this.tryToAppend(aggregate, aggregateId, commit, expected, () => this.checkNew(aggregate, aggregateId)),
    );
  }

  private async tellingFailures(append: () => Promise<number>): Promise<number> {
    try {
      return await append();
    } catch (error) {
      if (error instanceof LogUnavailable) this.options.onFailed?.();
      throw error;
    }
  }

  /**
   * Appends a commit behind the last probe, whoever made that: a write like any other.
   * @returns the sequence given to it
   */
  async probe(commit: Commit<LogProbed>): Promise<number> {
    const { aggregate, id } = LOG_PROBE;
    const subject = eventSubject(aggregate, id);
    for (let left = PROBE_TRIES; ; left -= 1) {
      const last = await this.parts.stored.last(subject);
      try {
        return await this.tellingFailures(() => this.tryToAppend(aggregate, id, commit, last?.sequence ?? 0));
      } catch (error) {
        if (!(error instanceof VersionConflict) || left <= 1) throw error;
      }
    }
  }

  private async tryToAppend(
    aggregate: Aggregate,
    aggregateId: string,
    commit: Commit,
    expected: number,
    checkNew: () => Promise<void> = () => Promise.resolve(),
  ): Promise<number> {
    const subject = eventSubject(aggregate, aggregateId);
    const msgId = messageId(subject, commit.id);
    const data = encodeCommit(commit, aggregate, aggregateId);
    const mostBytes = (this.nc.info?.max_payload ?? Number.POSITIVE_INFINITY) - HEADERS_BYTES;
    if (data.length > mostBytes) throw new CommitTooLarge(aggregate, aggregateId, data.length, mostBytes);
    await this.options.gate?.verified();
    const headers = { [EVENT_HEADERS.checksum]: checksumOf({ subject, msgId, data }) };
    this.options.checkWritable?.(commit);
    this.checkFolded(aggregate, aggregateId, commit);
    // The server knows nothing of an aggregate that has left the log, and would take it for a new one.
    if (expected === 0) await checkNew();
    for (let last = expected; ;) {
      try {
        const options = {
          msgId,
          headers,
          expectLastSubjectSequence: last,
          settleMs: SETTLE_MS,
          // While it refuses, each commit asks again, and nobody waits long for the same answer.
          ...(this.refusal === undefined ? {} : { timeoutMs: REFUSING_MS }),
        };
        const { seq } = await (this.grouped
          ? this.grouped.publish({ subject, data, ...options })
          : this.publisher.publish(subject, data, options));
        if (seq > 0) return this.appended(seq);
      } catch (error) {
        if (error instanceof LogUnavailable && !(error instanceof OutcomeUnknown) && this.refusal !== undefined)
          throw new WritesStopped(507, 'The event log has no room: its store refuses commits. Nothing was done', {
            cause: error,
          });
        if (!(error instanceof PublishRejected)) throw error;
        if (error.code !== WRONG_LAST_SEQUENCE)
          throw new LogUnavailable(`the log refused the commit: ${error.message}`, { cause: error });
        const earlier = await this.lookUp(subject, msgId, expected);
        if (earlier !== undefined) return this.appended(earlier);
        const leftOut = (await this.hasLeft(subject, last)) ? 0 : await this.lastLeftOut(subject, last);
        if (leftOut === undefined) throw new VersionConflict(aggregate, aggregateId, expected, { cause: error });
        last = leftOut;
        continue;
      }
      const first = await this.lookUp(subject, msgId, expected);
      if (first === undefined) throw new OutcomeUnknown('the log answered without a sequence');
      return this.appended(first);
    }
  }

  /** @throws VersionConflict it has commits that have left the log */
  private async checkNew(aggregate: Aggregate, aggregateId: string): Promise<void> {
    for (;;) {
      const left = await this.parts.left.current().catch(cannotTell);
      if (left.to === 0 || isMadeAfter(aggregateId, left.lastAt)) return;
      if (await this.isArchivedBehind(eventSubject(aggregate, aggregateId), 0, left))
        throw new VersionConflict(aggregate, aggregateId, 0);
      if (await this.stillHolds(left)) return;
    }
  }

  /** Whether a commit is the last of its subject and has left the log, which therefore knows none of that subject. */
  private async hasLeft(subject: string, last: number): Promise<boolean> {
    if (last === 0) return false;
    for (;;) {
      const left = await this.parts.left.look().catch(cannotTell);
      if (last > left.to || (await this.parts.stored.last(subject)) !== undefined) return false;
      if (await this.isArchivedBehind(subject, last, left)) return false;
      if (await this.stillHolds(left)) return true;
    }
  }

  /** Whether nothing can have left the log since it was asked: reading the archive takes time, and a process may stand still. */
  private stillHolds(left: Left): Promise<boolean> {
    return this.parts.left.stillHolds(left).catch(cannotTell);
  }

  private async isArchivedBehind(subject: string, last: number, { to }: Left): Promise<boolean> {
    if (last >= to) return false;
    for await (const messages of this.parts.archive.read({ from: last + 1, to, subjects: [subject] }))
      if (messages.length > 0) return true;
    return false;
  }

  /**
   * Asks the stream for an append that it must refuse, by its expected sequence. So the way there is known to be open (connection, rights, the
   * stream and its leader) and the log does not grow, which must be contiguous and never loses a message. Whether the disk takes a write is not
   * asked: see `onStoreRefused`.
   * @throws Error why an append would fail
   */
  async checkTakes(aggregate: Aggregate): Promise<void> {
    const never = { expectLastSubjectSequence: Number.MAX_SAFE_INTEGER, timeoutMs: TAKES_MS };
    try {
      await this.publisher.publish(eventSubject(aggregate, READINESS_ID), new Uint8Array(), never);
    } catch (error) {
      if (!(error instanceof PublishRejected) || error.code !== WRONG_LAST_SEQUENCE) throw error;
    }
  }

  private appended(sequence: number): number {
    this.options.gate?.saw(sequence);
    this.refusal = undefined;
    this.options.onAppended?.(sequence);
    return sequence;
  }

  /** @throws OutcomeUnknown the log cannot be read, either */
  private async lookUp(subject: string, msgId: string, expected: number): Promise<number | undefined> {
    try {
      return await this.findMessage(subject, msgId, expected);
    } catch (cause) {
      throw new OutcomeUnknown('the log cannot tell whether the commit is in it', { cause });
    }
  }

  /**
   * Was this commit appended after all? The server checks ids before sequences, but only within the duplicate window, and not
   * while its cluster has not settled: the log itself is the proof.
   */
  private async findMessage(subject: string, msgId: string, after: number): Promise<number | undefined> {
    const last = await this.parts.stored.last(subject);
    if (last === undefined || last.sequence <= after) return undefined;
    if (last.header(MSG_ID) === msgId) return last.sequence;
    for (let position = after; position < last.sequence;) {
      const message = await this.parts.stored.next(subject, position + 1);
      if (message === undefined) return undefined;
      if (message.header(MSG_ID) === msgId) return message.sequence;
      position = message.sequence;
    }
    return undefined;
  }

  /**
   * What users ask of an aggregate that a fold has stopped at is refused: they would not see what it did. What nodes and services say did
   * happen, so it is taken.
   */
  private checkFolded(aggregate: Aggregate, aggregateId: string, { meta }: Commit): void {
    const stop = meta.actor.startsWith('user:') ? this.parts.quarantine.stopOf(aggregate, aggregateId) : undefined;
    if (stop) throw new AggregateStopped(aggregate, aggregateId, stop.what.reason, stop.id);
  }

  /**
   * The last message of a subject after `after`, when none of those can be read and operators have dropped them all: the aggregate goes on
   * behind them. Undefined when there is a commit among them, or nothing.
   * @throws AggregateStopped nobody has decided about one of them yet
   */
  private async lastLeftOut(subject: string, after: number): Promise<number | undefined> {
    let last: number | undefined;
    for (;;) {
      const message = await this.parts.stored.next(subject, (last ?? after) + 1);
      if (message === undefined) return last;
      if (this.parts.integrity.readCommit(storedMessage(message)) !== undefined) return undefined;
      const entry = this.parts.quarantine.get(eventEntryId(message.sequence));
      if (entry?.state !== 'dropped') {
        const { aggregate, id } = parseEventSubject(subject);
        const reason = `message ${message.sequence} of its events cannot be read (${entry?.what.reason ?? 'the quarantine is full'})`;
        throw new AggregateStopped(aggregate, id, reason, entry?.id);
      }
      last = message.sequence;
    }
  }

  close(): void {
    this.grouped?.close();
    this.publisher.close();
  }
}

const cannotTell = (cause: unknown): never => {
  throw new LogUnavailable('the log cannot tell what has left it', { cause });
};
