import type { NatsConnection } from '@nats-io/nats-core';
import type { JetStreamManager } from '@nats-io/jetstream';
import { STREAMS, allEventsSubject } from '@fornax/contracts';
import { type Reader, openReader } from '../jetstream/consumer-maker.js';
import { type FeedMessage, type FeedPace, PullFeed, endsAnswer } from '../jetstream/pull-feed.js';

/** Reads many messages of the event stream, each time with a consumer of its own, which is forgotten afterwards. */
export class EventFeeds {
  constructor(
    private readonly nc: NatsConnection,
    private readonly jsm: JetStreamManager,
    private readonly options: { readonly reader?: string; readonly pace?: FeedPace },
  ) {}

  /** Everything from `from` to `to`, or to the end as it is when asked. */
  async *replay(
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

  async open(filter: string | undefined, from: number, capacity: number) {
    const { name } = await this.createConsumer(filter, from);
    const feed = this.feedOf(name, capacity);
    const close = (): void => {
      feed.close();
      this.forgetConsumer(name);
    };
    return { feed, close };
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
