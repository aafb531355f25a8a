import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '@fornax/service-kit';
import type { Account } from '@fornax/identity';
import { Forbidden, type Clock } from '@fornax/base';
import type { DataSource } from 'typeorm';
import type { Reserved } from './reservation.js';
import { TaskRoom } from './task-room.js';
import { InjectDatabase } from '../model/database.js';

/**
 * What is known of one owner's tasks: those that the rows showed when they were last read, those admitted here that the rows may not show
 * yet, and those that came to be since the rows were read.
 */
interface Count {
  rows: number;
  /** When the rows were read last, and when that showed no room and none could be made. */
  readAt: number;
  fullAt: number;
  readonly pending: Set<string>;
  settled: number;
  /** Whoever needs more than a glance at the count waits for those before. */
  turn: Promise<unknown>;
}

/** How long a count is trusted. In between, what this process admits is added. */
const TRUSTED_MS = 1_000;

const usedOf = ({ rows, pending, settled }: Count): number => rows + pending.size + settled;

/**
 * How many tasks an account may have, finished ones included (contract, section 4.9). Finished tasks that may go (`autoDeleteOnCompletion`)
 * make room, oldest first. Exact within one process; replicas may exceed the quota together by what they admit in a second.
 */
@Injectable()
export class TaskQuota {
  private readonly counts = new Map<string, Count>();

  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly room: TaskRoom,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Reserves a place for a task that is being submitted.
   * @throws Forbidden in the words that clients look for (contract, 5.19)
   */
  async reserve({ id: owner, quotas }: Account, taskId: string): Promise<Reserved> {
    const askedAt = this.clock.now();
    const count = this.countOf(owner);
    if (askedAt - count.readAt >= TRUSTED_MS || !this.take(count, quotas.maxTasks, taskId)) {
      const turn = count.turn.then(() => this.takeInTurn(owner, quotas.maxTasks, taskId, askedAt));
      count.turn = turn.catch(() => undefined);
      await turn;
    }
    const leave = (): void => void count.pending.delete(taskId);
    return {
      confirm: () => {
        if (count.pending.delete(taskId)) count.settled += 1;
      },
      release: () => Promise.resolve(leave()),
      leaveUnknown: leave,
    };
  }

  private async takeInTurn(owner: string, most: number, taskId: string, askedAt: number): Promise<void> {
    const count = this.countOf(owner);
    // A count from before the request may be old: tasks may have been deleted since.
    if (count.readAt <= askedAt) await this.read(owner, count);
    if (this.take(count, most, taskId)) return;
    const isKnownFull = count.fullAt > askedAt;
    if (!isKnownFull && (await this.room.make(owner, usedOf(count) + 1 - most)) > 0) await this.read(owner, count);
    if (this.take(count, most, taskId)) return;
    count.fullAt = this.clock.now();
    throw new Forbidden('Maximum number of tasks reached', { code: 'quota-tasks' });
  }

  private take(count: Count, most: number, taskId: string): boolean {
    if (usedOf(count) >= most) return false;
    count.pending.add(taskId);
    return true;
  }

  private countOf(owner: string): Count {
    const known = this.counts.get(owner);
    if (known) return known;
    const none: Count = {
      rows: 0,
      readAt: Number.NEGATIVE_INFINITY,
      fullAt: Number.NEGATIVE_INFINITY,
      pending: new Set(),
      settled: 0,
      turn: Promise.resolve(),
    };
    this.counts.set(owner, none);
    return none;
  }

  /** Runs one at a time. Tasks that are confirmed while the rows are being read are not in them, so they stay counted separately. */
  private async read(owner: string, count: Count): Promise<void> {
    const readAt = this.clock.now();
    const settledBefore = count.settled;
    const [row] = await this.db.query<{ tasks: string }[]>(
      `SELECT coalesce((SELECT tasks FROM task_count WHERE owner = $1), 0)
         - (SELECT count(*) FROM task WHERE task_id = ANY($2::text[])) AS tasks`,
      [owner, [...count.pending]],
    );
    count.rows = Number(row?.tasks ?? 0);
    count.settled -= settledBefore;
    count.readAt = readAt;
  }
}
