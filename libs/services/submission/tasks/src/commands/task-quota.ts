import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '@fornax/service-kit';
import type { Account } from '@fornax/identity';
import type { Clock } from '@fornax/base';
import type { DataSource } from 'typeorm';
import { PlaceQuota } from './place-quota.js';
import type { Reserved } from './reservation.js';
import { SpendingLimits } from './spending-limits.js';
import { TaskRoom } from './task-room.js';
import { InjectDatabase } from '../model/database.js';

/** Whether an account may have one task more: by what it may cost, and by how many it may have. */
@Injectable()
export class TaskQuota {
  private readonly places: PlaceQuota;

  constructor(
    @InjectDatabase() db: DataSource,
    room: TaskRoom,
    @Inject(CLOCK) clock: Clock,
    private readonly limits: SpendingLimits,
  ) {
    this.places = new PlaceQuota(db, clock, {
      countSql: `SELECT coalesce((SELECT tasks FROM task_count WHERE owner = $1), 0)
         - (SELECT count(*) FROM task WHERE task_id = ANY($2::text[])) AS count`,
      makeRoom: (owner, places) => room.make(owner, places),
      refusal: { message: 'Maximum number of tasks reached', code: 'quota-tasks' },
    });
  }

  /** Reserves a place for a task that is being submitted. @throws PaymentRequired, Forbidden */
  async reserve(account: Account, taskId: string, projectUuid: string | undefined): Promise<Reserved> {
    this.limits.check(account, projectUuid);
    return this.places.reserve(account.id, account.quotas.maxTasks, taskId);
  }
}
