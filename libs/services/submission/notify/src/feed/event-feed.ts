import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import {
  FoldGuard,
  LogReset,
  Quarantine,
  reasonOf,
  withEvents,
  type EventLog,
  type LogHead,
  type QuarantineEntry,
} from '@fornax/event-store';
import { EVENT_LOG, HealthRegistry, LOGGER } from '@fornax/service-kit';
import { type Logger, RecurringTrouble, Changes } from '@fornax/base';
import { CommitOwners } from './commit-owners.js';
import { entryOf, type FeedEntry } from './feed-entry.js';
import { RecentEntries, type FeedBatch } from './recent-entries.js';

const AGGREGATES = ['task', 'snapshot', 'job', 'pool', 'spending'] as const;
/** Names this feed in the quarantine. */
const FOLLOWER = 'live-feed';
/** Commits read from the log at once by somebody who lags. */
const READ_BATCH = 100;
/** How long the subscription stays open after the last reader has left, in milliseconds. */
const LINGER_MS = 30_000;

/** Probes of the log stand among pools, and are about nothing. */
const isProbe = withEvents('LogProbed');

/** One subscription to the log, while somebody needs it. */
interface Following {
  readonly epoch: string;
  readonly recent: RecentEntries;
  readonly stop: AbortController;
  /** Why it ended, if it did by itself. */
  failure: unknown;
}

/**
 * The log as those follow it who are told about tasks, jobs and pools: live streams and webhooks. One subscription for the whole process, whose newest
 * entries all share; each reader goes at its own pace, and one that is behind them reads the log. So a reader costs what it holds at once.
 */
@Injectable()
export class EventFeed implements BeforeApplicationShutdown {
  private following: Promise<Following> | undefined;
  private readers = 0;
  private linger: NodeJS.Timeout | undefined;
  private readonly changes = new Changes();
  private readonly closing = new AbortController();
  private readonly guard: FoldGuard;
  private readonly tell: (trouble: string | undefined) => void;
  private readonly trouble = new RecurringTrouble({
    failed: (error, more) => this.logger.warn({ err: error, more }, 'the live feed is interrupted, trying again'),
    over: (more) => this.logger.info({ more }, 'the live feed goes on'),
  });

  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly owners: CommitOwners,
    @Inject(LOGGER) private readonly logger: Logger,
    health: HealthRegistry,
    private readonly quarantine: Quarantine,
  ) {
    this.tell = health.follower('live feed');
    this.guard = new FoldGuard(FOLLOWER, (stop) => quarantine.noticeStop(stop));
    quarantine.onChange((entry) => this.takeUp(entry));
  }

  /** Aborts when the process ends. */
  get closed(): AbortSignal {
    return this.closing.signal;
  }

  /**
   * Everything about tasks after `after`, in the order of the log, for good. Ends when `signal` aborts or the process ends.
   * @param idleMs an empty batch comes when nothing else did for that long
   * @throws LogReset the log is another one, or ends before `after`
   */
  async *read(after: LogHead, idleMs: number, signal: AbortSignal): AsyncGenerator<FeedBatch> {
    const over = AbortSignal.any([signal, this.closed]);
    this.enter();
    try {
      let { sequence } = after;
      const following = await this.started();
      this.check(following, after);
      while (!over.aborted) {
        if (following.failure !== undefined) throw following.failure;
        if (!following.recent.covers(sequence)) {
          for await (const batch of this.fromLog(sequence, following.recent.position)) {
            ({ sequence } = batch);
            yield batch;
            if (over.aborted) return;
          }
          continue;
        }
        const batch = following.recent.after(sequence);
        const isNews = batch.sequence > sequence || !(await this.changes.next({ timeoutMs: idleMs, signal: over }));
        ({ sequence } = batch);
        if (isNews && !over.aborted) yield batch;
      }
    } finally {
      this.leave();
    }
  }

  beforeApplicationShutdown(): void {
    this.closing.abort();
    clearTimeout(this.linger);
    this.end();
  }

  private async *fromLog(after: number, to: number): AsyncGenerator<FeedBatch> {
    for await (const commits of this.log.read({ from: after + 1, to, aggregates: AGGREGATES, maxBatch: READ_BATCH })) {
      yield { entries: await this.entriesOf(commits), sequence: commits.at(-1)?.sequence ?? after };
    }
    yield { entries: [], sequence: to };
  }

  private async entriesOf(read: readonly RecordedCommit[]): Promise<readonly FeedEntry[]> {
    const commits = read.filter((commit) => !isProbe(commit));
    const owners = await this.owners.of(commits);
    return commits.flatMap((commit) => {
      const about = owners.get(commit);
      return (about && this.guard.fold(commit, (one) => [entryOf(one, about)])) ?? [];
    });
  }

  /** Emits the next events of the aggregate again. Skipped events are not emitted late, because a live feed does not deliver the past. */
  private takeUp({ what, state }: QuarantineEntry): void {
    if (what.kind !== 'stopped' || what.follower !== FOLLOWER || state !== 'retrying') return;
    this.guard.release(what.aggregate, what.aggregateId);
    this.quarantine
      .resolveStop(FOLLOWER, what.sequence)
      .catch((error: unknown) => this.logger.warn({ err: error }, 'the quarantine cannot be written'));
  }

  private check({ epoch, recent }: Following, after: LogHead): void {
    if (epoch !== after.epoch)
      throw new LogReset(`the event log has epoch ${epoch}, but ${after.epoch} was being read`);
    if (after.sequence > recent.position)
      throw new LogReset(`the event log ends at ${recent.position}, but was read up to ${after.sequence}`);
  }

  /** A failed start is forgotten, so that the next reader tries again. */
  private started(): Promise<Following> {
    this.following ??= this.start().catch((error: unknown) => {
      this.following = undefined;
      throw error;
    });
    return this.following.then(async (following) => {
      const head = await this.log.head();
      if (head.epoch !== following.epoch && following.failure === undefined)
        this.fail(following, new LogReset('another log'));
      if (following.failure !== undefined) {
        this.following = undefined;
        return this.started();
      }
      // What the caller has seen of the log elsewhere is not ahead of what is followed.
      while (following.recent.position < head.sequence && following.failure === undefined && !this.closed.aborted)
        await this.changes.next({ timeoutMs: LINGER_MS, signal: this.closed });
      return following;
    });
  }

  private async start(): Promise<Following> {
    const { epoch, sequence } = await this.log.head();
    const stop = new AbortController();
    const following: Following = { epoch, recent: new RecentEntries(sequence), stop, failure: undefined };
    const options = {
      from: sequence + 1,
      epoch,
      aggregates: AGGREGATES,
      maxBatch: 200,
      signal: stop.signal,
      onProgress: (position: number) => {
        following.recent.moveTo(position);
        this.tell(undefined);
        this.trouble.succeeded();
        this.changes.tell();
      },
      onError: (error: unknown) => {
        this.tell(reasonOf(error));
        this.trouble.failed(error);
      },
    };
    this.log
      .subscribe(options, async (commits) => following.recent.add(await this.entriesOf(commits)))
      .then(
        () => this.fail(following, new LogReset('the live feed has ended')),
        (error: unknown) => this.fail(following, error),
      );
    return following;
  }

  private fail(following: Following, error: unknown): void {
    following.failure ??= error;
    following.stop.abort();
    // The next reader begins another one, which says for itself how it does.
    this.tell(undefined);
    this.changes.tell();
  }

  private enter(): void {
    this.readers += 1;
    clearTimeout(this.linger);
  }

  private leave(): void {
    this.readers -= 1;
    if (this.readers === 0 && !this.closed.aborted) this.linger = setTimeout(() => this.end(), LINGER_MS).unref();
  }

  private end(): void {
    const ending = this.following;
    this.following = undefined;
    void ending?.then(({ stop }) => stop.abort()).catch(() => undefined);
    this.changes.tell();
  }
}
