import type { NatsConnection } from '@nats-io/nats-core';
import type { JetStreamManager } from '@nats-io/jetstream';
import { STREAMS, allEventsSubject } from '@fornax/contracts';
import type { Chosen } from '../damage/reading.js';
import { HasLeft, type Reader, type ReaderOptions, openReader } from '../jetstream/consumer-maker.js';
import { type FeedMessage, type FeedPace, PullFeed, endsAnswer } from '../jetstream/pull-feed.js';
import { type ArchivedLog, inBatches } from '../left/archived-log.js';
import type { LeftPrefix } from '../jetstream/left-prefix.js';

/** What is read, from a place on. */
export interface Wanted {
  /** The subject that the server filters by; undefined for all. */
  readonly filter: string | undefined;
  readonly from: number;
  readonly maxBatch: number;
  /** What is asked of the archive; `filter` when undefined. */
  readonly subjects?: readonly string[] | undefined;
  /** Told up to where the archive has left out what was not asked for, before it gives anything. */
  readonly chosen?: Chosen;
}

export interface FeedParts {
  readonly left: Pick<LeftPrefix, 'current' | 'look'>;
  readonly archive: ArchivedLog;
  readonly reader?: string | undefined;
  readonly pace?: FeedPace | undefined;
  /** Makes consumers. Default: whoever may is asked to. */
  readonly makeReader?: (options: ReaderOptions) => Promise<Reader>;
}

/** Gives messages as they come. */
export interface Feed {
  next(max: number, signal: AbortSignal): Promise<readonly FeedMessage[]>;
}

/**
 * Reads many messages of the event log: what has left the stream from the archive, then the stream, each time with a consumer of its own, which is
 * forgotten afterwards.
 */
export class EventFeeds {
  constructor(
    private readonly nc: NatsConnection,
    private readonly jsm: JetStreamManager,
    private readonly parts: FeedParts,
  ) {}

  /** Everything up to `to`, or to the end as it is when asked. */
  async *replay(wanted: Wanted, to: number): AsyncGenerator<readonly FeedMessage[]> {
    for (let next: number | undefined = wanted.from; next !== undefined && next <= to;) {
      const left = (await this.parts.left.current()).to;
      if (next <= left) {
        yield* this.leftOf({ ...wanted, from: next }, Math.min(left, to));
        next = left + 1;
        continue;
      }
      try {
        next = yield* this.replayUntilEnd(wanted.filter, next, to, wanted.maxBatch);
      } catch (error) {
        await this.learn(error);
      }
    }
  }

  /** Takes what comes, for good. */
  open(wanted: Wanted): { readonly feed: Feed; readonly close: () => void } {
    const feed = new FeedFromArchive(this, wanted);
    return { feed, close: () => feed.close() };
  }

  /** The first sequence from `from` on that the stream has. */
  async firstInStream(from: number): Promise<number> {
    return Math.max(from, (await this.parts.left.current()).to + 1);
  }

  /** What has left the stream, from the archive. */
  leftOf({ filter, from, maxBatch, subjects, chosen }: Wanted, to: number): AsyncGenerator<readonly FeedMessage[]> {
    const asked = subjects ?? (filter === undefined ? undefined : [filter]);
    if (asked !== undefined && chosen !== undefined) chosen.upTo = Math.max(chosen.upTo, to);
    return inBatches(
      this.parts.archive.read({ from, to, ...(asked === undefined ? {} : { subjects: asked }) }),
      maxBatch,
    );
  }

  /** @throws HasLeft */
  async openStream(filter: string | undefined, from: number, capacity: number) {
    const { name } = await this.createConsumer(filter, from);
    const feed = this.feedOf(name, capacity);
    const close = (): void => {
      feed.close();
      this.forgetConsumer(name);
    };
    return { feed, close };
  }

  /** More has left the log than was known. @throws what is another error */
  async learn(error: unknown): Promise<void> {
    if (!(error instanceof HasLeft)) throw error;
    await this.parts.left.look();
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
    const { pace } = this.parts;
    return new PullFeed(this.nc, {
      stream: STREAMS.events,
      consumer,
      capacity,
      isGapFatal: true,
      ...(pace === undefined ? {} : { pace }),
    });
  }

  private createConsumer(filter: string | undefined, from: number): Promise<Reader> {
    const { makeReader = (options: ReaderOptions) => openReader(this.nc, options) } = this.parts;
    return makeReader({
      stream: STREAMS.events,
      reader: this.parts.reader ?? 'log',
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

/** Gives what has left the stream, then what is in it, as it comes. */
class FeedFromArchive implements Feed {
  private from: number;
  private archive: { readonly to: number; readonly messages: AsyncGenerator<readonly FeedMessage[]> } | undefined;
  private stream: Awaited<ReturnType<EventFeeds['openStream']>> | undefined;
  private isClosed = false;

  constructor(
    private readonly feeds: EventFeeds,
    private readonly wanted: Wanted,
  ) {
    this.from = wanted.from;
  }

  async next(max: number, signal: AbortSignal): Promise<readonly FeedMessage[]> {
    while (!signal.aborted && !this.isClosed) {
      if (this.stream !== undefined) return this.stream.feed.next(max, signal);
      if (this.archive === undefined) {
        await this.goOn();
        continue;
      }
      const step = await this.archive.messages.next();
      if (step.done !== true) return step.value;
      this.from = this.archive.to + 1;
      this.archive = undefined;
    }
    return [];
  }

  close(): void {
    this.isClosed = true;
    this.stream?.close();
    this.archive?.messages.return(undefined).catch(() => undefined);
  }

  private async goOn(): Promise<void> {
    const first = await this.feeds.firstInStream(this.from);
    if (first > this.from) {
      const to = first - 1;
      this.archive = { to, messages: this.feeds.leftOf({ ...this.wanted, from: this.from }, to) };
      return;
    }
    try {
      this.stream = await this.feeds.openStream(this.wanted.filter, this.from, 2 * this.wanted.maxBatch);
      if (this.isClosed) this.stream.close();
    } catch (error) {
      await this.feeds.learn(error);
    }
  }
}
