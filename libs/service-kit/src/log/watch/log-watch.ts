import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { JetStreamApiError } from '@nats-io/jetstream';
import { onReconnect, type JetStreamLog, type LogGate, type LogHead } from '@fornax/event-store';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from 'pino';
import type { DataSource } from 'typeorm';
import { every, Conflict, delay } from '@fornax/base';
import { LOGGER } from '../../core/tokens.js';
import { WriteStops } from '../../core/write-stops.js';
import { acceptLog, loadMark, saveMark, type LogMark } from './log-mark.js';
import { NOTHING_TO_ACCEPT, nameOf, stopFor, troubleWith, type LogTrouble } from './log-trouble.js';

/** How often the end of the log is looked at, and written beside the rows when it has moved. */
const LOOK_EVERY_MS = 2_000;
const AGAIN_MS = 200;
const STREAM_NOT_FOUND = 10059;
const MSG_ID = 'Nats-Msg-Id';
/** The name of the reason in `/health`. */
const STOP = 'event log';

interface Schema {
  readonly service: string;
  readonly db: DataSource;
}

/** Why this process ends by itself, to begin anew with what it must not keep in memory. */
export type OnRestart = (why: string) => void;

/**
 * Knows whether the event log is the one that this process and its rows were made from. What was seen last is kept in each schema, beside
 * the checkpoints; it is compared when the process starts, whenever the connection came back, every two seconds, and when a follower finds
 * that it cannot go on.
 *
 * States: unknown -> same (nothing to say) | other (nothing may be written, nobody follows, `/health` says why and what to do).
 * same -> other -> same again, when the right log is back: followers go on where they stood. A process that has started while it was another
 * log, and every process once an operator has accepted it, ends and starts anew: what it holds in memory may be of either log.
 */
@Injectable()
export class LogWatch implements LogGate, BeforeApplicationShutdown {
  private readonly schemas: Schema[] = [];
  private readonly waiting = new Set<() => void>();
  private readonly troubled = new Set<() => void>();
  private log: JetStreamLog | undefined;
  private known: LogMark | undefined;
  /** The highest sequence that came by since it was looked at last. */
  private seen = 0;
  private saved: LogMark | undefined;
  private acceptedAt: number | undefined;
  /** The same moment by this process's monotonic clock. */
  private acceptedSinceMs: number | undefined;
  private acceptedAtStart: number | undefined;
  private current: LogTrouble | undefined;
  private beganInTrouble = false;
  private readonly started = Promise.withResolvers<void>();
  private looking: Promise<void> = this.started.promise;
  private comparing: Promise<void> = Promise.resolve();
  private stopLooking = (): void => undefined;
  private isStopping = false;
  private onRestart: OnRestart = () => undefined;

  constructor(
    private readonly stops: WriteStops,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** The schemas whose rows were made from the log, before `start`. */
  guard(service: string, db: DataSource): void {
    this.schemas.push({ service, db });
  }

  /** Looks for the first time; nothing follows or writes before. */
  async start(nats: NatsConnection, log: JetStreamLog, onRestart: OnRestart): Promise<void> {
    this.log = log;
    this.onRestart = onRestart;
    onReconnect(nats, () => this.lookUntilKnown());
    await this.compare();
    this.beganInTrouble = this.current !== undefined;
    // While the server is away a look waits for its time to be over: those behind it would hold up the one after the reconnect.
    this.stopLooking = every(LOOK_EVERY_MS, () => this.lookQuietly());
    this.started.resolve();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    this.started.resolve();
    this.stopLooking();
    await this.lookQuietly();
    this.tell(this.waiting);
  }

  /** What is wrong with the log, or undefined. */
  get trouble(): LogTrouble | undefined {
    return this.current;
  }

  /** The process has never seen the right log: what it has folded in memory is of the wrong one. */
  get isBlind(): boolean {
    return this.beganInTrouble;
  }

  /** When an operator last accepted the log as it was then (milliseconds), if ever: nodes may have gone on with what it does not know. */
  get lastAcceptedAt(): number | undefined {
    return this.acceptedAt;
  }

  /** How long ago an operator last accepted the log, in milliseconds, whatever the clocks of this machine and the database's say. */
  get acceptedForMs(): number | undefined {
    return this.acceptedSinceMs === undefined ? undefined : performance.now() - this.acceptedSinceMs;
  }

  verified(): Promise<void> {
    return this.looking;
  }

  async opened(signal: AbortSignal): Promise<void> {
    await this.looking;
    while (this.current !== undefined && !signal.aborted && !this.isStopping) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.waiting.add(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
      this.waiting.delete(resolve);
    }
  }

  saw(sequence: number): void {
    this.seen = Math.max(this.seen, sequence);
  }

  async isClosed(): Promise<boolean> {
    await this.look();
    return this.current !== undefined;
  }

  /** Called each time the log stops being the right one. @returns how to stop that */
  onTrouble(listener: () => void): () => void {
    this.troubled.add(listener);
    return () => void this.troubled.delete(listener);
  }

  /**
   * Accepts the log as it is now for all schemas of this process, which ends afterwards and folds everything anew when it starts.
   * @param name of the log that was looked at (see `nameOf`)
   * @throws Conflict nothing is wrong, or it is another log by now
   */
  async accept(name: string, projectionsOf: (service: string) => readonly string[], by: string): Promise<void> {
    await this.look();
    const head = this.current?.head;
    if (head === undefined)
      throw new Conflict(this.current ? 'There is no event log to accept' : NOTHING_TO_ACCEPT, {
        code: 'nothing-to-accept',
      });
    if (nameOf(head) !== name)
      throw new Conflict(`The event log is ${nameOf(head)} now, not ${name}: look again`, { code: 'another-log' });
    const mark = { ...head, messageId: await this.messageIdAt(head.sequence) };
    for (const { service, db } of this.schemas) await acceptLog(db, mark, projectionsOf(service));
    this.logger.warn({ log: name, by }, 'an operator has accepted the event log as it is');
    this.restart('the event log was accepted as it is');
  }

  /** After a reconnect nobody appends or follows before it is known that the server still has the same log. */
  private lookUntilKnown(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.looking;
    this.looking = promise;
    void (async () => {
      await before;
      for (;;) {
        try {
          await this.compare();
          break;
        } catch {
          if (this.isStopping) break;
          await delay(AGAIN_MS);
        }
      }
      resolve();
    })();
  }

  private async look(): Promise<void> {
    await this.looking;
    await this.compare();
  }

  private async lookQuietly(): Promise<void> {
    try {
      await this.look();
      await this.save();
    } catch (error) {
      this.logger.debug({ err: error }, 'the end of the event log cannot be looked at');
    }
  }

  /** One comparison after the other: an older look at the end must not be held against what a newer one has seen. */
  private compare(): Promise<void> {
    const turn = this.comparing.then(() => this.compareNow());
    this.comparing = turn.catch(() => undefined);
    return turn;
  }

  private async compareNow(): Promise<void> {
    const isFirst = this.known === undefined;
    // Before the end is asked for: what comes by, or is marked by another process, meanwhile may lie behind the answer.
    const marks = isFirst || this.current !== undefined ? await this.loadMarks() : [];
    const { seen } = this;
    const head = await this.headNow();
    if (isFirst) this.acceptedAtStart = this.acceptedAt;
    if (this.acceptedAt !== this.acceptedAtStart) return this.restart('the event log was accepted as it is');
    if (this.known !== undefined && seen > this.known.sequence && this.current === undefined)
      this.known = { epoch: this.known.epoch, sequence: seen, messageId: undefined };
    let trouble: LogTrouble | undefined;
    for (const mark of this.known === undefined ? marks : [this.known, ...(this.beganInTrouble ? marks : [])])
      trouble ??= await troubleWith(head, mark, (sequence) => this.messageIdAt(sequence));
    if (
      trouble === undefined &&
      head !== undefined &&
      (head.sequence !== this.known?.sequence || this.known.messageId === undefined)
    )
      this.known = { ...head, messageId: await this.messageIdAt(head.sequence) };
    this.known ??= trouble?.known;
    this.become(trouble);
  }

  private become(trouble: LogTrouble | undefined): void {
    const before = this.current;
    if (trouble === undefined && before !== undefined && this.beganInTrouble)
      return this.restart('the event log is the right one again');
    this.current = trouble;
    this.stops.set(STOP, trouble && stopFor(trouble));
    if (trouble === undefined && before !== undefined) this.tell(this.waiting);
    if (trouble !== undefined && before === undefined) this.tell(this.troubled);
  }

  private async loadMarks(): Promise<readonly LogMark[]> {
    const marks: LogMark[] = [];
    for (const { db } of this.schemas) {
      const mark = await loadMark(db);
      if (mark === undefined) continue;
      marks.push(mark);
      const { acceptedAt, acceptedAgoMs = 0 } = mark;
      if (acceptedAt === undefined || acceptedAt <= (this.acceptedAt ?? 0)) continue;
      this.acceptedAt = acceptedAt;
      this.acceptedSinceMs = performance.now() - acceptedAgoMs;
    }
    return marks;
  }

  private async save(): Promise<void> {
    const mark = this.known;
    if (this.current !== undefined || mark === undefined || mark.sequence === this.saved?.sequence) return;
    for (const { db } of this.schemas) await saveMark(db, mark);
    this.saved = mark;
  }

  /** When a commit was stored (RFC 3339); null when it is not there. */
  async storedAt(sequence: number): Promise<string | null> {
    return (sequence === 0 ? undefined : await this.log?.messageAt(sequence))?.storedAt ?? null;
  }

  /** @returns undefined when there is no stream */
  async headNow(): Promise<LogHead | undefined> {
    try {
      return await this.log?.head();
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return undefined;
      throw error;
    }
  }

  private async messageIdAt(sequence: number): Promise<string | undefined> {
    if (sequence === 0) return undefined;
    const message = await this.log?.messageAt(sequence);
    return message?.header(MSG_ID);
  }

  private restart(why: string): void {
    if (this.isStopping) return;
    this.isStopping = true;
    this.logger.warn({ why }, 'this process ends, to begin anew');
    this.onRestart(why);
  }

  private tell(listeners: ReadonlySet<() => void>): void {
    for (const listener of [...listeners]) listener();
  }
}
