import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { CLOCK, Forbidden, type Account, type Clock } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';

interface Count {
  readonly readAt: number;
  tasks: number;
}

/** How long a count is trusted. In between, what this process admits is added. */
const TRUSTED_MS = 1_000;

/** How many tasks an account may have, finished ones included (contract, section 4.9). Replicas may exceed it together by what they admit in a second. */
@Injectable()
export class TaskQuota {
  private readonly counts = new Map<string, Count>();
  /** Counts being read: requests that come together ask the database once. */
  private readonly reading = new Map<string, Promise<Count>>();

  constructor(
    @InjectDataSource('submission') private readonly db: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws Forbidden in the words that clients look for (contract, 5.19) */
  async admit(account: Account): Promise<void> {
    let count = await this.count(account.id);
    // A count that says "full" may be old: tasks may have been deleted since.
    if (count.tasks >= account.quotas.maxTasks) count = await this.refresh(account.id);
    if (count.tasks >= account.quotas.maxTasks) {
      throw new Forbidden(`Maximum number of tasks reached (${account.quotas.maxTasks})`, { code: 'quota-tasks' });
    }
    count.tasks += 1;
  }

  private async count(owner: string): Promise<Count> {
    const known = this.counts.get(owner);
    return known && this.clock.now() - known.readAt < TRUSTED_MS ? known : this.refresh(owner);
  }

  private refresh(owner: string): Promise<Count> {
    const known = this.reading.get(owner);
    if (known) return known;
    const reading = this.read(owner).finally(() => this.reading.delete(owner));
    this.reading.set(owner, reading);
    return reading;
  }

  private async read(owner: string): Promise<Count> {
    const readAt = this.clock.now();
    const [row] = await this.db.query<{ tasks: string }[]>('SELECT tasks FROM task_count WHERE owner = $1', [owner]);
    const count = { readAt, tasks: Number(row?.tasks ?? 0) };
    this.counts.set(owner, count);
    return count;
  }
}
