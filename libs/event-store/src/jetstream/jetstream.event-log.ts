import type { NatsConnection } from '@nats-io/nats-core';
import { JetStreamApiError, type JetStreamManager, type StreamInfo } from '@nats-io/jetstream';
import {
  AGGREGATES,
  EVENT_HEADERS,
  STREAMS,
  allEventsSubject,
  allYieldsSubject,
  decodeCommit,
  encodeCommit,
  eventSubject,
  parseEventSubject,
  parseYieldSubject,
  yieldSubject,
  type Aggregate,
  type Commit,
  type RecordedCommit,
} from '@fornax/contracts';
import {
  type EventLog,
  AggregateStopped,
  type LogGate,
  type LogHead,
  LogReset,
  LogUnavailable,
  OutcomeUnknown,
  type SubscribeOptions,
  VersionConflict,
  WritesStopped,
} from '../event-log.js';
import { ChecksumMismatch, checkCommit, checksumOf } from '../damage/commit-checksum.js';
import { type Gap, countMissing, gapBefore, gapsIn } from '../damage/gaps.js';
import { PartReading, type Reading, WholeReading } from '../damage/reading.js';
import { takeUndamaged } from '../damage/take-undamaged.js';
import { type LogVerification, type VerifyOptions, verifyLog } from '../damage/verify-log.js';
import { type DamagedPlace, eventEntryId } from '../quarantine/entries.js';
import { Quarantine } from '../quarantine/quarantine.js';
import { followLog } from '../follow-log.js';
import { onReconnect } from './connection.js';
import { type Reader, openReader } from './consumer-maker.js';
import { DecodedCommits } from './decoded-commits.js';
import { DurablePublisher, PublishRejected } from './durable-publisher.js';
import { GroupedPublisher } from './grouped-publisher.js';
import { type FeedMessage, type FeedPace, PullFeed, endsAnswer } from './pull-feed.js';
import { SharedTail } from './shared-tail.js';
import { type StoredMessage, StoredMessages } from './stored-messages.js';
import { ensureStreams, epochOf, managerOf } from './streams.js';

const WRONG_LAST_SEQUENCE = 10071;
const STREAM_NOT_FOUND = 10059;
const DEFAULT_BATCH = 500;
/** Messages on their way from the server to the shared tail at most. */
const TAIL_CAPACITY = 2_000;
/** How much longer than usual the log is asked what became of a commit: all in all, and with a group's wait, well below the 30 s of a client. */
const SETTLE_MS = 8_000;
/** Single reads cost a round trip each: an aggregate with a longer tail than this is read by a consumer instead. */
const SINGLE_READS = 24;
const MSG_ID = 'Nats-Msg-Id';
const EXPECTED_LAST = 'Nats-Expected-Last-Subject-Sequence';

const aggregateSubject = (aggregate: Aggregate): string => eventSubject(aggregate, '').concat('>');

/** Commit ids come from commands, and one command may reach several aggregates: the server's duplicate check needs both. */
const messageId = (subject: string, commitId: string): string => `${subject}/${commitId}`;
const commitIdOf = (subject: string, id: string): string => id.slice(subject.length + 1);

/** The server filters by one subject only (nats-server before 2.10); everything else is filtered here, before it is parsed. */
const serverFilter = (aggregates: readonly Aggregate[] | undefined): string | undefined =>
  aggregates?.length === 1 && aggregates[0] !== undefined ? aggregateSubject(aggregates[0]) : undefined;

/** @throws UnreadableCommit this is no commit that this version can read */
const decode = (subject: string, sequence: number, data: Uint8Array, msgId: string): RecordedCommit => {
  const { aggregate, id } = parseEventSubject(subject);
  return decodeCommit(data, { sequence, aggregate, aggregateId: id, commitId: commitIdOf(subject, msgId) });
};

const aggregateOf = (subject: string): ReturnType<typeof parseEventSubject> | undefined => {
  try {
    return parseEventSubject(subject);
  } catch {
    return undefined;
  }
};

const readingOf = (filter: string | undefined, position: number): Reading =>
  filter === undefined ? new WholeReading(position) : new PartReading(position + 1);

/** What the quarantine keeps of a message that nobody can take. */
const foundIn = ({ subject, sequence, data }: LogMessage, error: unknown) => {
  const place = aggregateOf(subject);
  return {
    sequence,
    subject,
    aggregate: place?.aggregate ?? null,
    aggregateId: place?.id ?? null,
    reason: (error instanceof Error ? error.message : String(error)).slice(0, MAX_ERROR),
    sizeBytes: data.length,
  };
};

/** A message of the stream, however it was read. */
interface LogMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly msgId: string;
  readonly checksum: string;
  /** The sequence of the commit of its aggregate that it was decided on. */
  readonly previous: number | undefined;
}

const PREFIXES = AGGREGATES.map((aggregate) => eventSubject(aggregate, ''));
/** Nobody asks for these, so whoever meets one puts it aside. */
const isOfNoAggregate = (subject: string): boolean => !PREFIXES.some((prefix) => subject.startsWith(prefix));

const wantedBy = (aggregates: readonly Aggregate[] | undefined): ((subject: string) => boolean) => {
  if (aggregates === undefined) return () => true;
  const prefixes = aggregates.map((aggregate) => eventSubject(aggregate, ''));
  return (subject) => prefixes.some((prefix) => subject.startsWith(prefix)) || isOfNoAggregate(subject);
};

/** Nearly all commits are those of tasks: who wants these, or several kinds, reads what everybody reads. */
const isMostOfTheLog = (aggregates: readonly Aggregate[] | undefined): boolean =>
  aggregates?.length !== 1 || aggregates[0] === 'task';

const sequenceIn = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;

const MAX_ERROR = 500;
const messageOf = ({ subject, sequence, data, headers }: FeedMessage): LogMessage => ({
  subject,
  sequence,
  data,
  msgId: headers?.get(MSG_ID) ?? '',
  checksum: headers?.get(EVENT_HEADERS.checksum) ?? '',
  previous: sequenceIn(headers?.get(EXPECTED_LAST)),
});
const storedMessage = ({ subject, sequence, data, header }: StoredMessage): LogMessage => ({
  subject,
  sequence,
  data,
  msgId: header(MSG_ID),
  checksum: header(EVENT_HEADERS.checksum),
  previous: sequenceIn(header(EXPECTED_LAST)),
});
const commitOf = (message: LogMessage): RecordedCommit => {
  checkCommit(message);
  return decode(message.subject, message.sequence, message.data, message.msgId);
};

export interface OpenLogOptions {
  /** Copies of the streams, when they are made by this call. Default 1. */
  readonly replicas?: number;
  /** Whose consumers these are: their names begin with it. Default `log`. */
  readonly reader?: string;
  readonly pace?: FeedPace;
  /** Holds back who appends and who follows while the log is not the one that was read. */
  readonly gate?: LogGate;
  /** Asked before each append: what it throws refuses the commit. */
  readonly checkWritable?: (commit: Commit) => void;
  /** Told each time the server could not store a commit, with its reason. It may go on to refuse after the cause is gone. */
  readonly onStoreRefused?: (reason: string) => void;
  /** Told after each append that is in the log, in the caller's asynchronous context. */
  readonly onAppended?: () => void;
}

/** Of no aggregate: nothing is ever appended to it. */
const READINESS_ID = 'readiness';
const TAKES_MS = 1_500;
const REFUSING_MS = 1_500;

/** The event log on a JetStream stream; nats-server 2.9 or later. */
export class JetStreamLog implements EventLog {
  private readonly publisher: DurablePublisher;
  /** Where the server can take commits together. */
  private readonly grouped: GroupedPublisher | undefined;
  private readonly stored: StoredMessages;
  private readonly decoded = new DecodedCommits((message) => commitOf(messageOf(message)));
  private tail: Promise<SharedTail> | undefined;
  /** For which numbers of the stream its gaps are known. */
  private checkedCounts = '';
  /** What the server said when it could not store a commit; undefined since it could. */
  private refusal: string | undefined;

  private constructor(
    private readonly nc: NatsConnection,
    private readonly jsm: JetStreamManager,
    private readonly epoch: string,
    takesBatches: boolean,
    private readonly options: OpenLogOptions,
    /** What is left out of this log, the same for all who read it. */
    readonly quarantine: Quarantine,
  ) {
    this.publisher = new DurablePublisher(nc, (reason) => {
      this.refusal = reason;
      options.onStoreRefused?.(reason);
    });
    onReconnect(nc, () => (this.refusal = undefined));
    this.grouped = takesBatches ? new GroupedPublisher(nc, this.publisher) : undefined;
    this.stored = new StoredMessages(nc, STREAMS.events);
  }

  /** Makes the streams unless they exist. */
  static async open(nc: NatsConnection, options: OpenLogOptions = {}): Promise<JetStreamLog> {
    await ensureStreams(nc, options);
    const jsm = await managerOf(nc);
    const info = await jsm.streams.info(STREAMS.events);
    const epoch = epochOf(info);
    const { reader = 'log', pace } = options;
    const quarantine = await Quarantine.open(nc, { reader, epoch, ...(pace === undefined ? {} : { pace }) });
    const log = new JetStreamLog(nc, jsm, epoch, info.config.allow_atomic === true, options, quarantine);
    await log.noticeGaps(info);
    return log;
  }

  async append(aggregate: Aggregate, aggregateId: string, commit: Commit, expected: number): Promise<number> {
    const subject = eventSubject(aggregate, aggregateId);
    const msgId = messageId(subject, commit.id);
    const data = encodeCommit(commit, aggregate, aggregateId);
    await this.options.gate?.verified();
    const headers = { [EVENT_HEADERS.checksum]: checksumOf({ subject, msgId, data }) };
    this.options.checkWritable?.(commit);
    this.checkFolded(aggregate, aggregateId, commit);
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
        const leftOut = await this.lastLeftOut(subject, last);
        if (leftOut === undefined) throw new VersionConflict(aggregate, aggregateId, expected, { cause: error });
        last = leftOut;
        continue;
      }
      const first = await this.lookUp(subject, msgId, expected);
      if (first === undefined) throw new OutcomeUnknown('the log answered without a sequence');
      return this.appended(first);
    }
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
    this.options.onAppended?.();
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
   * What users ask of an aggregate that a fold has stopped at is refused: they would not see what it did. What nodes and services say did
   * happen, so it is taken.
   */
  private checkFolded(aggregate: Aggregate, aggregateId: string, { meta }: Commit): void {
    const stop = meta.actor.startsWith('user:') ? this.quarantine.stopOf(aggregate, aggregateId) : undefined;
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
      const message = await this.stored.next(subject, (last ?? after) + 1);
      if (message === undefined) return last;
      if (this.readCommit(storedMessage(message)) !== undefined) return undefined;
      const entry = this.quarantine.get(eventEntryId(message.sequence));
      if (entry?.state !== 'dropped') {
        const { aggregate, id } = parseEventSubject(subject);
        const reason = `message ${message.sequence} of its events cannot be read (${entry?.what.reason ?? 'the quarantine is full'})`;
        throw new AggregateStopped(aggregate, id, reason, entry?.id);
      }
      last = message.sequence;
    }
  }

  /**
   * The commit in a message, or undefined for one that is left out: it is put into the quarantine then, if it is not there yet.
   * @throws LogDamaged it holds other bytes than were appended
   */
  private readCommit(
    message: LogMessage,
    read: () => RecordedCommit = () => commitOf(message),
  ): RecordedCommit | undefined {
    const { sequence } = message;
    if (this.quarantine.skips(sequence)) return undefined;
    try {
      return read();
    } catch (error) {
      const found = foundIn(message, error);
      if (error instanceof ChecksumMismatch) throw this.quarantine.noticeChanged(found);
      this.quarantine.noticeEvent({ ...found, stream: STREAMS.events, headers: [] });
      return undefined;
    }
  }

  /** @throws LogDamaged somewhere in them */
  private async commitsOf(
    messages: readonly FeedMessage[],
    options: {
      readonly reading: Reading;
      readonly isWanted?: (subject: string) => boolean;
      readonly despiteDamage?: boolean;
    },
  ): Promise<readonly RecordedCommit[]> {
    const { reading, isWanted = () => true, despiteDamage = false } = options;
    const { commits, damage } = await takeUndamaged(messages, {
      reading,
      despiteDamage,
      checkGap: (gap) => this.checkGap(gap),
      givenOf: messageOf,
      read: (message) => (isWanted(message.subject) ? this.readCommit(messageOf(message)) : undefined),
    });
    if (damage !== undefined) throw damage;
    return commits;
  }

  /** @throws LogDamaged unless operators have given it up */
  private async checkGap(gap: Gap): Promise<void> {
    for (const sequence of new Set([gap.from, gap.through]))
      if ((await this.stored.at(sequence)) !== undefined)
        throw new Error(`the server left out message ${sequence} of the event log, which it has`);
    const damage = this.quarantine.noticeGap(gap);
    if (damage !== undefined) throw damage;
  }

  /** What the stream says of itself shows most gaps; nothing is asked twice. */
  private async noticeGaps(info: StreamInfo): Promise<void> {
    const epoch = epochOf(info);
    const checked = `${epoch}/${countMissing(info.state)}`;
    if (this.checkedCounts === checked) return;
    if (countMissing(info.state) > 0) {
      const { state } = await this.jsm.streams.info(STREAMS.events, { deleted_details: true });
      for (const gap of gapsIn(state)) this.quarantine.noticeGap(gap);
    }
    this.checkedCounts = checked;
  }

  /** Looks whether each sequence of a part of the log is there and holds what was appended. What is damaged is noticed. */
  verify(options: VerifyOptions): Promise<LogVerification> {
    const parts = {
      head: () => this.head(),
      replay: (from: number, to: number) => this.replayMessages(from, to),
      checkGap: (gap: Gap) => this.checkGap(gap),
      noticeChanged: (message: LogMessage) =>
        void this.quarantine.noticeChanged(foundIn(message, new ChecksumMismatch())),
      damagedPlaces: () => this.damagedPlaces(),
    };
    return verifyLog(parts, options);
  }

  private async *replayMessages(from: number, to: number): AsyncGenerator<readonly LogMessage[]> {
    for await (const messages of this.replay(undefined, from, to, DEFAULT_BATCH)) yield messages.map(messageOf);
  }

  damagedPlaces(): readonly DamagedPlace[] {
    return this.quarantine.damagedPlaces();
  }

  /** A message as it lies in the log, whether it can be read or not. */
  messageAt(sequence: number): Promise<StoredMessage | undefined> {
    return this.stored.at(sequence);
  }

  /** @throws Error why this version cannot read the message; also when there is none */
  async checkReadable(sequence: number): Promise<void> {
    const message = await this.stored.at(sequence);
    if (message === undefined) throw new Error(`the log holds no message ${sequence}`);
    commitOf(storedMessage(message));
  }

  async readAggregate(
    aggregate: Aggregate,
    aggregateId: string,
    after = 0,
    most = Number.POSITIVE_INFINITY,
  ): Promise<readonly RecordedCommit[]> {
    const subject = eventSubject(aggregate, aggregateId);
    const commits: RecordedCommit[] = [];
    let position = after;
    const reading = new PartReading(after + 1);
    for (let reads = 0; reads < SINGLE_READS && commits.length < most; reads += 1) {
      const found = await this.stored.next(subject, position + 1);
      if (found === undefined) return commits;
      const message = storedMessage(found);
      const gap = reading.gapBefore(message);
      if (gap !== undefined) await this.checkGap(gap);
      reading.given(message);
      position = message.sequence;
      const commit = this.readCommit(message);
      if (commit) commits.push(commit);
    }
    if (commits.length >= most) return commits;
    const maxBatch = Math.min(DEFAULT_BATCH, most - commits.length);
    for await (const messages of this.replay(subject, position + 1, Number.MAX_SAFE_INTEGER, maxBatch)) {
      commits.push(...(await this.commitsOf(messages, { reading })).slice(0, most - commits.length));
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
    const reading = readingOf(filter, from - 1);
    let last = from - 1;
    for await (const messages of this.replay(filter, from, to, maxBatch)) {
      const commits = await this.commitsOf(messages, { reading, isWanted, despiteDamage });
      last = messages.at(-1)?.sequence ?? last;
      if (commits.length > 0) yield commits;
    }
    if (filter === undefined && last < to && !despiteDamage) await this.checkEnd(last, to);
  }

  /** @throws LogDamaged the end of what was asked for is missing */
  private async checkEnd(last: number, to: number): Promise<void> {
    const { sequence } = await this.head();
    const gap = gapBefore(Math.min(to, sequence) + 1, last);
    if (gap !== undefined) await this.checkGap(gap);
  }

  async subscribe(
    options: SubscribeOptions,
    onBatch: (batch: readonly RecordedCommit[]) => Promise<void>,
  ): Promise<void> {
    const { aggregates, signal, maxBatch = DEFAULT_BATCH, epoch = this.epoch } = options;
    const isWanted = wantedBy(aggregates);
    const sharesTail = isMostOfTheLog(aggregates);
    await followLog(options, onBatch, async (position, deliver) => {
      await this.options.gate?.opened(signal);
      if (signal.aborted) return;
      await this.checkFollowable(epoch, position);
      const tail = sharesTail ? await this.joinTail(epoch) : undefined;
      let at = position;
      const handOver = async (messages: readonly FeedMessage[], reading: Reading): Promise<void> => {
        const { commits, last, damage } = await takeUndamaged(messages, {
          reading,
          checkGap: (gap) => this.checkGap(gap),
          givenOf: messageOf,
          read: (message) =>
            isWanted(message.subject) ? this.readCommit(messageOf(message), () => this.decoded.of(message)) : undefined,
        });
        if (last !== undefined) {
          this.options.gate?.saw(last);
          await deliver(commits, last);
          at = last;
        }
        if (damage !== undefined) throw damage;
        // At the end of the log there may be a gap with nothing behind it that would show it.
        const through = this.quarantine.gapAt(at + 1);
        if (through === undefined) return;
        at = through;
        await deliver([], at);
      };
      try {
        at = this.quarantine.gapAt(at + 1) ?? at;
        await deliver([], at);
        while (!signal.aborted) {
          if (tail?.covers(at) === true) await handOver(await tail.next(at, maxBatch, signal), new WholeReading(at));
          else {
            const reading = readingOf(serverFilter(aggregates), at);
            await this.catchUp(at, options, async (messages) => {
              await handOver(messages, reading);
              return tail?.covers(at) === true;
            });
          }
        }
      } finally {
        tail?.leave();
      }
    });
  }

  /** Reads with a consumer of its own, until `handOver` says that this is near enough to the end. */
  private async catchUp(
    position: number,
    { aggregates, signal, maxBatch = DEFAULT_BATCH }: SubscribeOptions,
    handOver: (messages: readonly FeedMessage[]) => Promise<boolean>,
  ): Promise<void> {
    const { feed, close } = await this.openFeed(serverFilter(aggregates), position + 1, 2 * maxBatch);
    try {
      while (!signal.aborted) if (await handOver(await feed.next(maxBatch, signal))) return;
    } finally {
      close();
    }
  }

  private async openFeed(filter: string | undefined, from: number, capacity: number) {
    const { name } = await this.createConsumer(filter, from);
    const feed = this.feedOf(name, capacity);
    const close = (): void => {
      feed.close();
      this.forgetConsumer(name);
    };
    return { feed, close };
  }

  /** @throws Error the stream is another one now: whoever follows it must look again */
  private async joinTail(epoch: string): Promise<SharedTail> {
    for (;;) {
      this.tail ??= this.openTail();
      const opening = this.tail;
      const tail = await opening.catch((error: unknown) => {
        if (this.tail === opening) this.tail = undefined;
        throw error;
      });
      if (!tail.isOver) {
        tail.join();
        if (tail.epoch === epoch) return tail;
        tail.leave();
        throw new Error('the event log changed while it was being opened');
      }
      if (this.tail === opening) this.tail = undefined;
    }
  }

  private async openTail(): Promise<SharedTail> {
    const { epoch, sequence } = await this.head();
    const { feed, close } = await this.openFeed(undefined, sequence + 1, TAIL_CAPACITY);
    return new SharedTail(epoch, sequence, feed, close);
  }

  async head(): Promise<LogHead> {
    const info = await this.jsm.streams.info(STREAMS.events);
    const epoch = epochOf(info);
    this.quarantine.enter(epoch);
    await this.noticeGaps(info);
    return { epoch, sequence: info.state.last_seq };
  }

  async nextSequence(aggregates: readonly Aggregate[], after: number): Promise<number | undefined> {
    const found = await Promise.all(
      aggregates.map((aggregate) => this.stored.next(aggregateSubject(aggregate), after + 1)),
    );
    const sequences = found.flatMap((message) => (message === undefined ? [] : [message.sequence]));
    return sequences.length === 0 ? undefined : Math.min(...sequences);
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
    this.grouped?.close();
    this.publisher.close();
  }

  /**
   * Was this commit appended after all? The server checks ids before sequences, but only within the duplicate window, and not
   * while its cluster has not settled: the log itself is the proof.
   */
  private async findMessage(subject: string, msgId: string, after: number): Promise<number | undefined> {
    const last = await this.stored.last(subject);
    if (last === undefined || last.sequence <= after) return undefined;
    if (last.header(MSG_ID) === msgId) return last.sequence;
    for (let position = after; position < last.sequence;) {
      const message = await this.stored.next(subject, position + 1);
      if (message === undefined) return undefined;
      if (message.header(MSG_ID) === msgId) return message.sequence;
      position = message.sequence;
    }
    return undefined;
  }

  /** @throws LogReset @throws Error the log is not the one that was read: to be followed again once it is */
  private async checkFollowable(epoch: string, position: number): Promise<void> {
    try {
      await this.checkUnchanged(epoch, position);
    } catch (error) {
      if (error instanceof LogReset && (await this.options.gate?.isClosed()) === true)
        throw new Error(error.message, { cause: error });
      throw error;
    }
  }

  /** @throws LogReset */
  private async checkUnchanged(epoch: string, position: number): Promise<void> {
    const info = await this.eventStreamInfo();
    const head = epochAndEnd(info);
    if (head.epoch !== epoch)
      throw new LogReset(
        `the event log has epoch ${head.epoch}, but ${epoch} was being read: it was wiped or recreated`,
      );
    if (head.sequence < position)
      throw new LogReset(
        `the event log ends at ${head.sequence}, but was read up to ${position}: it went back in time`,
      );
    await this.noticeGaps(info);
  }

  private async eventStreamInfo(): Promise<StreamInfo> {
    try {
      return await this.jsm.streams.info(STREAMS.events);
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== STREAM_NOT_FOUND) throw error;
      throw new LogReset(`the event log is gone: stream ${STREAMS.events} does not exist`, { cause: error });
    }
  }

  /** Everything from `from` to `to`, or to the end as it is when asked. */
  private async *replay(
    filter: string | undefined,
    from: number,
    to: number,
    maxBatch: number,
  ): AsyncGenerator<readonly FeedMessage[]> {
    for (let next: number | undefined = from; next !== undefined && next <= to;)
      next = yield* this.replayUntilEnd(filter, next, to, maxBatch);
  }

  /** @returns where to go on when an empty message ended the server's answer; undefined when everything was read */
  private async *replayUntilEnd(
    filter: string | undefined,
    from: number,
    to: number,
    maxBatch: number,
  ): AsyncGenerator<readonly FeedMessage[], number | undefined> {
    const { name, pending } = await this.createConsumer(filter, from);
    if (pending === 0) {
      this.forgetConsumer(name);
      return undefined;
    }
    const feed = this.feedOf(name, 2 * maxBatch);
    const never = new AbortController().signal;
    try {
      for (;;) {
        const messages = await feed.next(maxBatch, never);
        const wanted = messages.filter(({ sequence }) => sequence <= to);
        if (wanted.length > 0) yield wanted;
        const last = messages.at(-1);
        if (last === undefined || last.sequence >= to || last.pending === 0) return undefined;
        if (endsAnswer(last)) return last.sequence + 1;
      }
    } finally {
      feed.close();
      this.forgetConsumer(name);
    }
  }

  private feedOf(consumer: string, capacity: number): PullFeed {
    const { pace } = this.options;
    return new PullFeed(this.nc, {
      stream: STREAMS.events,
      consumer,
      capacity,
      isGapFatal: true,
      ...(pace === undefined ? {} : { pace }),
    });
  }

  private createConsumer(filter: string | undefined, from: number): Promise<Reader> {
    return openReader(this.nc, {
      stream: STREAMS.events,
      reader: this.options.reader ?? 'log',
      filterSubject: filter ?? allEventsSubject,
      from: { sequence: Math.max(1, from) },
    });
  }

  /** Best effort: the server forgets an idle consumer after a minute anyway. */
  private forgetConsumer(name: string): void {
    if (this.nc.isClosed()) return;
    this.jsm.consumers.delete(STREAMS.events, name).catch(() => undefined);
  }
}

const epochAndEnd = (info: StreamInfo): LogHead => ({ epoch: epochOf(info), sequence: info.state.last_seq });
