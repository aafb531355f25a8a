import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { isPoolEnding } from '@fornax/domain';
import { Backoff, delay } from '@fornax/base';
import { reasonOf, withEvents, type EventLog } from '@fornax/event-store';
import type { Account } from '@fornax/identity';
import { EVENT_LOG, HealthRegistry } from '@fornax/service-kit';
import { PoolsOfTasks, type PoolOfTask } from '@fornax/tasks';
import { PoolBarrier } from '../model/pool-barrier.js';
import { PoolLookup } from './pool-lookup.js';

/** What changes a pool for the tasks that come after it. */
const changesPool = withEvents(
  'PoolUpdated',
  'PoolScalingChanged',
  'PoolCloseRequested',
  'PoolDeleteRequested',
  'PoolFailed',
  'PoolDeleted',
);
const MOST = 1_000;

/**
 * Pools, for the tasks that are to run in them. Those that were asked for lately stay in memory until the log says that they have changed: a task that
 * starts at once has no time for a question to the database.
 */
@Injectable()
export class KnownPools extends PoolsOfTasks implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly recent = new Map<string, PoolOfTask>();
  private readonly stop = new AbortController();
  private readonly tell: (trouble: string | undefined) => void;
  private following: Promise<void> = Promise.resolve();
  /** Whether the log tells of changes now; without it nothing is kept. */
  private isFollowing = false;
  /** Grows whenever something is forgotten: what was read before that may be old. */
  private forgotten = 0;

  constructor(
    @Inject(PoolLookup) private readonly lookup: Pick<PoolLookup, 'own'>,
    @Inject(PoolBarrier) private readonly barrier: Pick<PoolBarrier, 'passed' | 'caughtUp'>,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    health: HealthRegistry,
  ) {
    super();
    this.tell = health.follower('pools that tasks run in');
  }

  onApplicationBootstrap(): void {
    this.following = this.keepFollowing();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.following;
  }

  async find(account: Account, id: string): Promise<PoolOfTask | undefined> {
    const key = `${account.id} ${id}`;
    const known = this.recent.get(key);
    if (known) return known;
    const { forgotten } = this;
    const pool = await this.lookup.own(account, id);
    if (!pool) return undefined;
    const found = { poolId: pool.poolId, spec: pool.fold.spec, isOpen: !isPoolEnding(pool.fold) };
    if (this.isFollowing && forgotten === this.forgotten) this.keep(key, found);
    return found;
  }

  async caughtUp(): Promise<boolean> {
    const isCaughtUp = await this.barrier.caughtUp();
    this.forgotten += 1;
    this.recent.clear();
    return isCaughtUp;
  }

  /** The rows show that something has happened to these pools: they are read again. */
  forget(poolIds: readonly string[]): void {
    this.forgotten += 1;
    for (const [key, { poolId }] of this.recent) if (poolIds.includes(poolId)) this.recent.delete(key);
  }

  private keep(key: string, pool: PoolOfTask): void {
    const [oldest] = this.recent.keys();
    if (this.recent.size >= MOST && oldest !== undefined) this.recent.delete(oldest);
    this.recent.set(key, pool);
  }

  /** Until the process ends: tasks are submitted all the same while the log cannot be followed, each with a question to the database. */
  private async keepFollowing(): Promise<void> {
    const { signal } = this.stop;
    const backoff = new Backoff();
    while (!signal.aborted) {
      backoff.started();
      try {
        await this.follow();
      } catch (error) {
        if (!signal.aborted) this.tell(reasonOf(error));
      }
      this.lose();
      await delay(backoff.failed(), signal);
    }
  }

  private async follow(): Promise<void> {
    const { sequence, epoch } = await this.log.head();
    // Rows that are older than where this begins would be kept for good.
    await this.shown(sequence);
    await this.log.subscribe(
      {
        from: sequence + 1,
        epoch,
        aggregates: ['pool'],
        wants: changesPool,
        signal: this.stop.signal,
        onProgress: () => {
          this.isFollowing = true;
          this.tell(undefined);
        },
        onError: (error) => {
          this.lose();
          this.tell(reasonOf(error));
        },
      },
      (batch) => this.changed(batch),
    );
  }

  private async changed(batch: readonly RecordedCommit[]): Promise<void> {
    // Not sooner: what is read next must be what has become of them.
    await this.shown(batch.at(-1)?.sequence ?? 0);
    this.forget(batch.map(({ aggregateId }) => aggregateId));
  }

  /** Until the rows are there, however late; nothing is kept while that takes longer than a wait may. */
  private async shown(sequence: number): Promise<void> {
    const { signal } = this.stop;
    while (!signal.aborted && !(await this.barrier.passed(sequence))) this.lose();
  }

  /** Nobody tells of changes. */
  private lose(): void {
    this.isFollowing = false;
    this.forgotten += 1;
    this.recent.clear();
  }
}
