import { randomUUID } from 'node:crypto';
import type { NatsConnection } from '@nats-io/nats-core';
import {
  STREAMS,
  parseQuarantineSubject,
  quarantineRecordSchema,
  quarantineSubject,
  type QuarantineRecord,
  type StoppedRecord,
  type UnreadableRecord,
} from '@fornax/contracts';
import type { Gap } from '../damage/gaps.js';
import { LogDamaged, type DamagedPlace } from '../log/event-log.js';
import type { OnFollowing } from '../log/keep-following.js';
import { delay, Changes } from '@fornax/base';
import { openReader } from '../jetstream/consumer-maker.js';
import { DurablePublisher } from '../jetstream/durable-publisher.js';
import { followStream } from '../jetstream/follow-stream.js';
import type { FeedMessage, FeedPace } from '../jetstream/pull-feed.js';
import { StoredMessages } from '../jetstream/stored-messages.js';
import { managerOf } from '../jetstream/streams.js';
import { type QuarantineDecision, type QuarantineEntry, eventEntryId, gapEntryId, stopEntryId } from './entries.js';
import { reasonOf } from './fold-guard.js';
import { QuarantineRegister, type QuarantineListener } from './register.js';

export interface QuarantineOptions {
  /** The service: it names the consumer, and is who found something. */
  readonly reader: string;
  /** Of the event log. */
  readonly epoch: string;
  readonly pace?: FeedPace;
}

type Found = Omit<UnreadableRecord, 'kind' | 'at' | 'by' | 'epoch' | 'body'>;
/** Of the event log. */
type FoundInLog = Pick<UnreadableRecord, 'sequence' | 'subject' | 'aggregate' | 'aggregateId' | 'reason' | 'sizeBytes'>;
type Stop = Omit<StoppedRecord, 'kind' | 'at' | 'by' | 'epoch'>;

const MAX_BODY_BYTES = 1024 * 1024;
const BATCH = 256;
const LOAD_TIMEOUT_MS = 30_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * The register of what was put aside, the same for all services and replicas: the fold of the stream FX_QUARANTINE, followed by each
 * process. It depends on no database and survives every rebuild; what decides whether a message is skipped is written here, once, so a
 * newer version that could read the message skips it too until an operator says otherwise.
 *
 * An entry: open -> dropped (left out for good) | retrying -> retried (folded again) | open (it failed again).
 */
export class Quarantine {
  private readonly register: QuarantineRegister;
  private readonly stop = new AbortController();
  private readonly publisher: DurablePublisher;
  private readonly stored: StoredMessages;
  private readonly changes = new Changes();
  private position = 0;
  /** Why the register cannot be read at present, and why it cannot be written. */
  private trouble: string | undefined;
  private writeTrouble: string | undefined;
  private overflowCount = 0;
  private following: Promise<void> = Promise.resolve();

  private constructor(
    private readonly nc: NatsConnection,
    private readonly options: QuarantineOptions,
  ) {
    this.register = new QuarantineRegister(options.epoch);
    this.publisher = new DurablePublisher(nc);
    this.stored = new StoredMessages(nc, STREAMS.quarantine);
  }

  /** Resolves when everything that is known already was read. */
  static async open(nc: NatsConnection, options: QuarantineOptions): Promise<Quarantine> {
    const quarantine = new Quarantine(nc, options);
    const { state } = await (await managerOf(nc)).streams.info(STREAMS.quarantine);
    quarantine.following = quarantine.follow();
    if (!(await quarantine.until(() => quarantine.position >= state.last_seq, LOAD_TIMEOUT_MS))) {
      quarantine.close();
      throw new Error(`the quarantine cannot be read: ${quarantine.trouble ?? 'no answer in time'}`);
    }
    return quarantine;
  }

  /** Everything that is known, oldest first. Entries of an earlier log are left out. */
  list(): readonly QuarantineEntry[] {
    return this.register.list();
  }

  get(id: string): QuarantineEntry | undefined {
    return this.register.get(id);
  }

  /** Messages that found no room in the register; they were skipped and are gone, or stay in the event log unlisted. */
  get overflow(): number {
    return this.overflowCount;
  }

  /** The reason why the register cannot be read or written now. */
  get health(): string | undefined {
    if (this.trouble !== undefined) return `the register cannot be followed: ${this.trouble}`;
    return this.writeTrouble === undefined ? undefined : `the register cannot be written: ${this.writeTrouble}`;
  }

  /** Whether the message of the event log is left out, as far as this process knows. */
  skips(sequence: number): boolean {
    return this.register.skips(sequence);
  }

  /** Where the event log is damaged, as far as this process knows, whether an operator has given it up or not. */
  damagedPlaces(): readonly DamagedPlace[] {
    return this.register.damages.all();
  }

  /** Whether a sequence is known to be missing, given up or not. */
  isInGap(sequence: number): boolean {
    return this.register.damages.isInGap(sequence);
  }

  /**
   * Whether commits are missing at a place. Nobody may go past a gap that nobody has decided about.
   * @returns the last sequence of the gap that an operator has given up; undefined where there is none
   * @throws LogDamaged
   */
  gapAt(sequence: number): number | undefined {
    return this.register.damages.gapAt(sequence);
  }

  /**
   * Commits are missing that the log once held.
   * @returns what whoever met it throws; undefined where operators have given all of it up
   */
  noticeGap(gap: Gap): LogDamaged | undefined {
    const found = this.register.damages.openIn(gap);
    if (found === undefined) return undefined;
    const { open, reason, known } = found;
    if (known) return known;
    const id = gapEntryId(open);
    const { from: sequence, through, missing } = open;
    const place = { sequence, subject: '', aggregate: null, aggregateId: null, reason, sizeBytes: 0 };
    this.noticeDamage(id, place, { through, missing });
    return new LogDamaged(sequence, reason, id);
  }

  /** A message of the event log holds other bytes than were appended. @returns what whoever met it throws */
  noticeChanged(found: FoundInLog): LogDamaged {
    const id = eventEntryId(found.sequence);
    this.noticeDamage(id, found, { through: found.sequence, missing: 1 });
    return new LogDamaged(found.sequence, `sequence ${found.sequence}: ${found.reason}`, id);
  }

  private noticeDamage(id: string, found: FoundInLog, damage: NonNullable<UnreadableRecord['damage']>): void {
    const before = this.get(id);
    if (before !== undefined && before.state !== 'retried') return;
    const place = { stream: STREAMS.events, headers: [], epoch: this.register.epoch, body: null };
    this.notice(id, { ...found, ...place, kind: 'unreadable', damage, ...this.byMe() });
  }

  /** The fold that skipped an aggregate, if no operator has decided about it yet. */
  stopOf(aggregate: string, aggregateId: string): QuarantineEntry | undefined {
    return this.register.stopOf(aggregate, aggregateId);
  }

  /** The log is another one now: what was said about the old one says nothing about this one. */
  enter(epoch: string): void {
    this.register.enter(epoch);
  }

  onChange(listener: QuarantineListener): () => void {
    return this.register.onChange(listener);
  }

  /** A message of the event log, which keeps it: known here at once, elsewhere in a moment. */
  noticeEvent(found: Found): void {
    const id = eventEntryId(found.sequence);
    if (this.get(id) !== undefined) return;
    this.notice(id, { ...found, kind: 'unreadable', epoch: this.register.epoch, body: null, ...this.byMe() });
  }

  /** Records that a fold threw on an aggregate; the result of the fold stays as it was. */
  noticeStop(stop: Stop): void {
    const id = stopEntryId(stop.follower, stop.sequence);
    const before = this.get(id);
    if (before !== undefined && (before.state === 'open' || before.state === 'dropped')) return;
    this.notice(id, { ...stop, kind: 'stopped', epoch: this.register.epoch, ...this.byMe() });
  }

  /** A fold that had stopped goes through now. */
  async resolveStop(follower: string, sequence: number): Promise<void> {
    await this.resolve(stopEntryId(follower, sequence));
  }

  /** What was tried again went well, unless it was put aside once more. */
  async resolve(id: string): Promise<void> {
    if (this.get(id)?.state === 'retrying') await this.decide(id, { kind: 'retried', reason: null, ...this.byMe() });
  }

  /**
   * A message of the log is to be folded after all: every fold that it belongs to gets an entry of its own, so that one whose process is down or
   * dies on the way is still known to owe it.
   * @throws LogUnavailable it could not be written
   */
  async handOver(stop: Stop, { by, at, reason }: QuarantineDecision): Promise<void> {
    const id = stopEntryId(stop.follower, stop.sequence);
    if (this.get(id) !== undefined) return;
    const record: QuarantineRecord = { ...stop, kind: 'stopped', epoch: this.register.epoch, ...this.byMe() };
    await this.publish(id, record, `${id}/${this.register.epoch}/handed-over`);
    this.apply(id, record);
    await this.decide(id, { kind: 'retry-asked', by, at, reason });
  }

  /**
   * A message of a stream that forgets what is acknowledged: it may be acknowledged once this resolves.
   * @throws LogUnavailable it could not be kept
   */
  async keep(found: Found, data: Uint8Array): Promise<void> {
    const id = `${found.stream.toLowerCase()}-${found.sequence}-${fingerprint(data)}`;
    const before = this.register.ofAnyLog(id);
    if (before !== undefined && before.state !== 'retrying') return;
    if (before === undefined && !this.register.hasRoomFor(found.subject)) {
      this.overflowCount += 1;
      return;
    }
    // What was tried again lies there already.
    const body = before ? null : Buffer.from(data.subarray(0, MAX_BODY_BYTES)).toString('base64');
    const record: QuarantineRecord = { ...found, kind: 'unreadable', epoch: null, body, ...this.byMe() };
    await this.publish(id, record, `${id}/${before ? randomUUID() : 'found'}`);
    this.apply(id, record);
  }

  /** @returns the entry as the decision leaves it */
  async decide(
    id: string,
    record: Extract<QuarantineRecord, { kind: 'dropped' | 'retry-asked' | 'retried' }>,
  ): Promise<QuarantineEntry | undefined> {
    await this.publish(id, record, `${id}/${randomUUID()}`);
    this.apply(id, record);
    return this.get(id);
  }

  /**
   * Waits until an entry is no longer being tried again, and no fold that a message of the log was handed over to.
   * @returns it as it is then, or when the time is over
   */
  async settled(id: string, timeoutMs: number): Promise<QuarantineEntry | undefined> {
    await this.until(() => this.get(id)?.state !== 'retrying' && !this.isOwed(id), timeoutMs);
    return this.get(id);
  }

  private isOwed(id: string): boolean {
    const what = this.get(id)?.what;
    if (what?.kind !== 'unreadable' || what.epoch === null) return false;
    return this.list().some(
      (other) => other.what.kind === 'stopped' && other.what.sequence === what.sequence && other.state === 'retrying',
    );
  }

  /** The body that was kept of an entry, if one was. */
  async bodyOf(id: string): Promise<Uint8Array | undefined> {
    const first = await this.stored.next(quarantineSubject(id), 1);
    const record = first && quarantineRecordSchema.safeParse(jsonIn(first.data)).data;
    return record?.kind === 'unreadable' && record.body !== null ? Buffer.from(record.body, 'base64') : undefined;
  }

  close(): void {
    this.stop.abort();
    this.changes.tell();
    this.publisher.close();
  }

  private byMe(): { readonly at: number; readonly by: string } {
    return { at: Date.now(), by: `service:${this.options.reader}` };
  }

  private notice(id: string, record: QuarantineRecord): void {
    if (this.register.ofAnyLog(id) === undefined && this.register.isFull) {
      this.overflowCount += 1;
      return;
    }
    this.apply(id, record);
    void this.publishInTime(id, record);
  }

  /** Whoever finds it later, here or elsewhere, may have to tell the others: a failure only delays that. */
  private async publishInTime(id: string, record: QuarantineRecord): Promise<void> {
    const isUnreadable = record.kind === 'unreadable' && record.damage === undefined;
    while (!this.stop.signal.aborted && !this.nc.isClosed()) {
      try {
        await this.publish(id, record, isUnreadable ? `${id}/${this.register.epoch}` : `${id}/${randomUUID()}`);
        return;
      } catch {
        await delay(1_000, this.stop.signal);
      }
    }
  }

  private async publish(id: string, record: QuarantineRecord, msgId: string): Promise<void> {
    try {
      await this.publisher.publish(quarantineSubject(id), encoder.encode(JSON.stringify(record)), { msgId });
      this.writeTrouble = undefined;
    } catch (error) {
      this.writeTrouble = reasonOf(error);
      throw error;
    }
  }

  private follow(): Promise<void> {
    const { pace } = this.options;
    return followStream(
      this.nc,
      {
        stream: STREAMS.quarantine,
        begin: () => this.begin(),
        maxBatch: BATCH,
        signal: this.stop.signal,
        onState: (trouble) => this.tellState(trouble),
        ...(pace === undefined ? {} : { pace }),
      },
      (batch) => {
        for (const message of batch) this.read(message);
        return Promise.resolve();
      },
    );
  }

  private tellState: OnFollowing = (trouble) => {
    this.trouble = trouble;
    this.changes.tell();
  };

  private async begin(): Promise<string> {
    const jsm = await managerOf(this.nc);
    const { state } = await jsm.streams.info(STREAMS.quarantine);
    // Another stream: what the old one said is still the best that is known.
    if (state.last_seq < this.position) this.position = 0;
    const { name } = await openReader(this.nc, {
      stream: STREAMS.quarantine,
      reader: `${this.options.reader}-quarantine`,
      from: { sequence: this.position + 1 },
    });
    return name;
  }

  private read({ subject, data, sequence }: FeedMessage): void {
    const record = quarantineRecordSchema.safeParse(jsonIn(data));
    // What is unreadable here has no other place to go: it is passed over.
    const id = idIn(subject);
    if (record.success && id !== undefined) this.apply(id, record.data);
    this.position = sequence;
    this.changes.tell();
  }

  private apply(id: string, record: QuarantineRecord): void {
    if (this.register.apply(id, record)) this.changes.tell();
  }

  private async until(isTrue: () => boolean, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (!isTrue()) {
      const left = deadline - performance.now();
      if (left <= 0 || this.stop.signal.aborted) return false;
      await this.changes.next({ timeoutMs: left });
    }
    return true;
  }
}

const jsonIn = (data: Uint8Array): unknown => {
  try {
    return JSON.parse(decoder.decode(data));
  } catch {
    return undefined;
  }
};

const idIn = (subject: string): string | undefined => {
  try {
    return parseQuarantineSubject(subject);
  } catch {
    return undefined;
  }
};

/** FNV-1a, 32 bits: tells two messages with the same number apart when their stream was made anew. */
const fingerprint = (data: Uint8Array): string => {
  let hash = 0x811c9dc5;
  for (const byte of data) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
};
