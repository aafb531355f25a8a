import type { NatsConnection } from '@nats-io/nats-core';
import type { JetStreamManager } from '@nats-io/jetstream';
import {
  STREAMS,
  allYieldsSubject,
  eventSubject,
  parseYieldSubject,
  yieldSubject,
  type Aggregate,
  type Commit,
  type LogProbed,
  type RecordedCommit,
} from '@fornax/contracts';
import type { DamagedPlace, EventLog, LogExtent, LogGate, LogHead, SubscribeOptions } from '../log/event-log.js';
import { type ArchivedMessage, archivedMessage } from '../archive/archived-message.js';
import { ChecksumMismatch } from '../damage/commit-checksum.js';
import { type Gap, gapBefore } from '../damage/gaps.js';
import { type Chosen, PartReading } from '../damage/reading.js';
import { type LogVerification, type VerifyOptions, verifyLog } from '../damage/verify-log.js';
import { Quarantine } from '../quarantine/quarantine.js';
import { type AppendOptions, LogAppender } from './appender.js';
import { EventFeeds } from './event-feeds.js';
import { DEFAULT_BATCH, LogFollowers } from './followers.js';
import { LogIntegrity } from './integrity.js';
import { type LogMessage, commitOf, foundIn, messageOf, storedAs, storedMessage } from './messages.js';
import { aggregateSubject, archiveSubjects, readingOf, serverFilter, wantedBy } from './selection.js';
import { onReconnect } from '../jetstream/connection.js';
import type { FeedPace } from '../jetstream/pull-feed.js';
import { type StoredMessage, StoredMessages } from '../jetstream/stored-messages.js';
import { type ArchivedLog, NO_ARCHIVE } from '../left/archived-log.js';
import { type Left, LeftPrefix, type LeftTimes } from '../jetstream/left-prefix.js';
import { ensureStreams, epochOf, managerOf } from '../jetstream/streams.js';

/** Single reads cost a round trip each: an aggregate with a longer tail than this is read by a consumer instead. */
const SINGLE_READS = 24;

export interface OpenLogOptions extends AppendOptions {
  /** Copies of the streams, when they are made by this call. Default 1. */
  readonly replicas?: number;
  /** Whose consumers these are: their names begin with it. Default `log`. */
  readonly reader?: string;
  readonly pace?: FeedPace;
  /** Holds back who appends and who follows while the log is not the one that was read. */
  readonly gate?: LogGate;
  /** Where what has left the log is read. Default: nowhere. */
  readonly archive?: ArchivedLog;
  readonly leftTimes?: LeftTimes;
}

/** The stream as it was when the log was opened, and its manager. */
interface FoundStream {
  readonly jsm: JetStreamManager;
  readonly epoch: string;
  /** Several messages may be appended as one atomic batch. */
  readonly takesBatches: boolean;
}

/** The event log on a JetStream stream; nats-server 2.9 or later. */
export class JetStreamLog implements EventLog {
  private readonly stored: StoredMessages;
  private readonly integrity: LogIntegrity;
  private readonly feeds: EventFeeds;
  private readonly appender: LogAppender;
  private readonly followers: LogFollowers;
  private readonly prefix: LeftPrefix;
  private readonly archive: ArchivedLog;

  private constructor(
    private readonly nc: NatsConnection,
    { jsm, epoch, takesBatches }: FoundStream,
    options: OpenLogOptions,
    /** What is left out of this log, the same for all who read it. */
    readonly quarantine: Quarantine,
  ) {
    const stored = new StoredMessages(nc, STREAMS.events);
    const { archive = NO_ARCHIVE, reader, pace } = options;
    this.archive = archive;
    this.prefix = new LeftPrefix(nc, options.leftTimes);
    const integrity = new LogIntegrity(jsm, stored, quarantine, this.prefix);
    const feeds = new EventFeeds(nc, jsm, { left: this.prefix, archive, reader, pace });
    const left = this.prefix;
    this.appender = new LogAppender(nc, { stored, integrity, quarantine, takesBatches, left, archive }, options);
    this.followers = new LogFollowers({ epoch, feeds, integrity, quarantine, gate: options.gate });
    this.stored = stored;
    this.integrity = integrity;
    this.feeds = feeds;
    onReconnect(nc, () => integrity.lookAgain());
  }

  /** Makes the streams unless they exist. */
  static async open(nc: NatsConnection, options: OpenLogOptions = {}): Promise<JetStreamLog> {
    await ensureStreams(nc, options);
    const jsm = await managerOf(nc);
    const info = await jsm.streams.info(STREAMS.events);
    const epoch = epochOf(info);
    const { reader = 'log', pace } = options;
    const quarantine = await Quarantine.open(nc, { reader, epoch, ...(pace === undefined ? {} : { pace }) });
    const found = { jsm, epoch, takesBatches: info.config.allow_atomic === true };
    const log = new JetStreamLog(nc, found, options, quarantine);
    await log.integrity.noticeGaps(info);
    await log.integrity.noticeLostEnd(info);
    return log;
  }

  append(aggregate: Aggregate, aggregateId: string, commit: Commit, expected: number): Promise<number> {
    return this.appender.append(aggregate, aggregateId, commit, expected);
  }

  /** See `LogAppender.probe`. */
  probe(commit: Commit<LogProbed>): Promise<number> {
    return this.appender.probe(commit);
  }

  /** See `LogAppender.checkTakes`. */
  checkTakes(aggregate: Aggregate): Promise<void> {
    return this.appender.checkTakes(aggregate);
  }

  subscribe(options: SubscribeOptions, onBatch: (batch: readonly RecordedCommit[]) => Promise<void>): Promise<void> {
    return this.followers.subscribe(options, onBatch);
  }

  head(): Promise<LogHead> {
    return this.integrity.head();
  }

  /** How large the log is. */
  extent(): Promise<LogExtent> {
    return this.integrity.extent();
  }

  async readAggregate(
    aggregate: Aggregate,
    aggregateId: string,
    after = 0,
    most = Number.POSITIVE_INFINITY,
  ): Promise<readonly RecordedCommit[]> {
    const subject = eventSubject(aggregate, aggregateId);
    for (;;) {
      const left = await this.prefix.current();
      const commits = await this.readSubject(subject, left, after, most);
      if (await this.prefix.stillHolds(left)) return commits;
    }
  }

  private async readSubject(
    subject: string,
    left: Left,
    after: number,
    most: number,
  ): Promise<readonly RecordedCommit[]> {
    const commits: RecordedCommit[] = [];
    let position = after;
    const reading = new PartReading(after + 1);
    const wanted = { filter: subject, maxBatch: Math.min(DEFAULT_BATCH, most) };
    if (after < left.to) {
      for await (const messages of this.feeds.leftOf({ ...wanted, from: after + 1 }, left.to)) {
        commits.push(...(await this.integrity.commitsOf(messages, { reading })).slice(0, most - commits.length));
        if (commits.length >= most) return commits;
      }
      position = left.to;
    }
    for (let reads = 0; reads < SINGLE_READS && commits.length < most; reads += 1) {
      const found = await this.stored.next(subject, position + 1);
      if (found === undefined) return commits;
      const message = storedMessage(found);
      const gap = reading.gapBefore(message);
      if (gap !== undefined) await this.integrity.checkGap(gap);
      reading.given(message);
      position = message.sequence;
      const commit = this.integrity.readCommit(message);
      if (commit) commits.push(commit);
    }
    if (commits.length >= most) return commits;
    const rest = { filter: subject, from: position + 1, maxBatch: Math.min(DEFAULT_BATCH, most - commits.length) };
    for await (const messages of this.feeds.replay(rest, Number.MAX_SAFE_INTEGER)) {
      commits.push(...(await this.integrity.commitsOf(messages, { reading })).slice(0, most - commits.length));
      if (commits.length >= most) break;
    }
    return commits;
  }

  async *read(options: Parameters<EventLog['read']>[0]): AsyncIterable<readonly RecordedCommit[]> {
    const { aggregates, maxBatch = DEFAULT_BATCH, despiteDamage = false } = options;
    const from = Math.max(1, options.from);
    const to = options.to ?? (await this.head()).sequence;
    const isWanted = wantedBy(aggregates);
    const filter = serverFilter(aggregates);
    const chosen: Chosen = { upTo: 0 };
    const reading = readingOf(filter, from - 1, chosen);
    let last = from - 1;
    const wanted = { filter, from, maxBatch, subjects: archiveSubjects(aggregates), chosen };
    for await (const messages of this.feeds.replay(wanted, to)) {
      const commits = await this.integrity.commitsOf(messages, { reading, isWanted, despiteDamage });
      last = messages.at(-1)?.sequence ?? last;
      if (commits.length > 0) yield commits;
    }
    last = Math.max(last, Math.min(chosen.upTo, to));
    if (filter === undefined && last < to && !despiteDamage) await this.integrity.checkEnd(last, to);
  }

  /**
   * Looks whether each sequence of a part of the log is there and holds what was appended. What is damaged is noticed. What has left the log is not looked
   * at: the archive has hashes of its own.
   */
  async verify(options: VerifyOptions): Promise<LogVerification> {
    const from = await this.feeds.firstInStream(options.from);
    const parts = {
      head: () => this.head(),
      replay: (from: number, to: number) => this.replayMessages(from, to),
      checkGap: (gap: Gap) => this.integrity.checkGap(gap),
      noticeChanged: (message: LogMessage) =>
        void this.quarantine.noticeChanged(foundIn(message, new ChecksumMismatch())),
      damagedPlaces: () => this.damagedPlaces(),
    };
    return verifyLog(parts, { ...options, from });
  }

  private async *replayMessages(from: number, to: number): AsyncGenerator<readonly LogMessage[]> {
    const wanted = { filter: undefined, from, maxBatch: DEFAULT_BATCH };
    for await (const messages of this.feeds.replay(wanted, to)) yield messages.map(messageOf);
  }

  /**
   * All messages from `from` to `to` as they lie in the log, in batches, whether this version can read them or not. What was lost or changed, and was
   * given up, is left out.
   * @throws LogDamaged nobody has given it up
   */
  async *messages(from: number, to: number): AsyncGenerator<readonly ArchivedMessage[]> {
    let last = from - 1;
    const check = async (next: number): Promise<void> => {
      const gap = gapBefore(next, last);
      if (gap !== undefined) await this.integrity.checkGap(gap);
      last = next;
    };
    const wanted = { filter: undefined, from, maxBatch: DEFAULT_BATCH };
    for await (const batch of to < from ? [] : this.feeds.replay(wanted, to)) {
      const whole: ArchivedMessage[] = [];
      for (const message of batch) {
        await check(message.sequence);
        if (this.integrity.isWhole(messageOf(message))) whole.push(archivedMessage(message));
      }
      yield whole;
    }
    await check(to + 1);
  }

  damagedPlaces(): readonly DamagedPlace[] {
    return this.quarantine.damagedPlaces();
  }

  /** A message as it lies in the log, whether it can be read or not. */
  async messageAt(sequence: number): Promise<StoredMessage | undefined> {
    const stored = await this.stored.at(sequence);
    if (stored !== undefined || sequence > (await this.prefix.look()).to) return stored;
    for await (const [message] of this.archive.read({ from: sequence, to: sequence }))
      return message && storedAs(message);
    return undefined;
  }

  /** What has left the log, as it says now. */
  left(): Promise<Left> {
    return this.prefix.look();
  }

  /** @throws Error why this version cannot read the message; also when there is none */
  async checkReadable(sequence: number): Promise<void> {
    const message = await this.messageAt(sequence);
    if (message === undefined) throw new Error(`the log holds no message ${sequence}`);
    commitOf(storedMessage(message));
  }

  async nextSequence(aggregates: readonly Aggregate[], after: number): Promise<number | undefined> {
    const subjects = aggregates.map(aggregateSubject);
    for (;;) {
      const left = await this.prefix.current();
      if (after < left.to)
        for await (const [message] of this.archive.read({ from: after + 1, to: left.to, subjects }))
          if (message !== undefined) return message.sequence;
      const from = Math.max(after, left.to) + 1;
      const found = await Promise.all(subjects.map((subject) => this.stored.next(subject, from)));
      if (!(await this.prefix.stillHolds(left))) continue;
      const sequences = found.flatMap((message) => (message === undefined ? [] : [message.sequence]));
      return sequences.length === 0 ? undefined : Math.min(...sequences);
    }
  }

  askToYield(aggregate: Aggregate, aggregateId: string): void {
    if (!this.nc.isClosed()) this.nc.publish(yieldSubject(aggregate, aggregateId));
  }

  onAskedToYield(aggregate: Aggregate, listener: (aggregateId: string) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    const subscription = this.nc.subscribe(allYieldsSubject(aggregate), {
      callback: (error, { subject }) => {
        if (!error) listener(parseYieldSubject(subject));
      },
    });
    const stop = (): void => {
      if (!this.nc.isClosed()) subscription.unsubscribe();
    };
    signal.addEventListener('abort', stop, { once: true });
  }

  /** Stops the publisher; subscriptions end by their signals, the connection is the caller's. */
  close(): void {
    this.quarantine.close();
    this.appender.close();
  }
}
