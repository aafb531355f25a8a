import type { RecordedCommit } from '@fornax/contracts';
import { type Chosen, type Reading, WholeReading } from '../damage/reading.js';
import { takeUndamaged } from '../damage/take-undamaged.js';
import { type LogGate, LogReset, type SubscribeOptions } from '../log/event-log.js';
import { followLog } from '../log/follow-log.js';
import type { Quarantine } from '../quarantine/quarantine.js';
import { DecodedCommits } from './decoded-commits.js';
import type { FeedMessage } from '../jetstream/pull-feed.js';
import { SharedTail } from './shared-tail.js';
import type { EventFeeds } from './event-feeds.js';
import type { LogIntegrity } from './integrity.js';
import { commitOf, messageOf } from './messages.js';
import { archiveSubjects, isMostOfTheLog, readingOf, serverFilter, wantedBy } from './selection.js';

export const DEFAULT_BATCH = 500;
/** Messages on their way from the server to the shared tail at most. */
const TAIL_CAPACITY = 2_000;

export interface FollowerParts {
  /** Of the log as it was opened. */
  readonly epoch: string;
  readonly feeds: EventFeeds;
  readonly integrity: LogIntegrity;
  readonly quarantine: Quarantine;
  readonly gate: LogGate | undefined;
}

/** Everybody in this process who follows the log: near its end they share one delivery and what was decoded of it. */
export class LogFollowers {
  private readonly decoded = new DecodedCommits((message) => commitOf(messageOf(message)));
  private tail: Promise<SharedTail> | undefined;

  constructor(private readonly parts: FollowerParts) {}

  async subscribe(
    options: SubscribeOptions,
    onBatch: (batch: readonly RecordedCommit[]) => Promise<void>,
  ): Promise<void> {
    const { aggregates, signal, maxBatch = DEFAULT_BATCH, epoch = this.parts.epoch } = options;
    const { integrity } = this.parts;
    const isWanted = wantedBy(aggregates);
    const sharesTail = isMostOfTheLog(aggregates);
    await followLog(options, onBatch, async (position, deliver) => {
      await this.parts.gate?.opened(signal);
      if (signal.aborted) return;
      await this.checkFollowable(epoch, position);
      const tail = sharesTail ? await this.joinTail(epoch) : undefined;
      let at = position;
      const handOver = async (messages: readonly FeedMessage[], reading: Reading): Promise<void> => {
        const { commits, last, damage } = await takeUndamaged(messages, {
          reading,
          checkGap: (gap) => integrity.checkGap(gap),
          givenOf: messageOf,
          read: (message) =>
            isWanted(message.subject)
              ? integrity.readCommit(messageOf(message), () => this.decoded.of(message))
              : undefined,
        });
        if (last !== undefined) {
          this.parts.gate?.saw(last);
          await deliver(commits, last);
          at = last;
        }
        if (damage !== undefined) throw damage;
        // At the end of the log there may be a gap with nothing behind it that would show it.
        const through = this.parts.quarantine.gapAt(at + 1);
        if (through === undefined) return;
        at = through;
        await deliver([], at);
      };
      try {
        at = this.parts.quarantine.gapAt(at + 1) ?? at;
        await deliver([], at);
        while (!signal.aborted) {
          if (tail?.covers(at) === true) await handOver(await tail.next(at, maxBatch, signal), new WholeReading(at));
          else {
            const chosen: Chosen = { upTo: 0 };
            const reading = readingOf(serverFilter(aggregates), at, chosen);
            await this.catchUp(at, chosen, options, async (messages) => {
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

  /** @throws LogReset @throws Error the log is not the one that was read: to be followed again once it is */
  private async checkFollowable(epoch: string, position: number): Promise<void> {
    try {
      await this.parts.integrity.checkUnchanged(epoch, position);
    } catch (error) {
      if (error instanceof LogReset && (await this.parts.gate?.isClosed()) === true)
        throw new Error(error.message, { cause: error });
      throw error;
    }
  }

  /** Reads with a consumer of its own, until `handOver` says that this is near enough to the end. */
  private async catchUp(
    position: number,
    chosen: Chosen,
    { aggregates, signal, maxBatch = DEFAULT_BATCH }: SubscribeOptions,
    handOver: (messages: readonly FeedMessage[]) => Promise<boolean>,
  ): Promise<void> {
    const { feed, close } = this.parts.feeds.open({
      filter: serverFilter(aggregates),
      from: position + 1,
      maxBatch,
      subjects: archiveSubjects(aggregates),
      chosen,
    });
    try {
      while (!signal.aborted) if (await handOver(await feed.next(maxBatch, signal))) return;
    } finally {
      close();
    }
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
    const { epoch, sequence } = await this.parts.integrity.head();
    const { feed, close } = await this.parts.feeds.openStream(undefined, sequence + 1, TAIL_CAPACITY);
    return new SharedTail(epoch, sequence, feed, close);
  }
}
