import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '@fornax/service-kit';
import type { Account } from '@fornax/identity';
import type { Clock } from '@fornax/base';
import type { DataSource } from 'typeorm';
import { PlaceQuota } from './place-quota.js';
import type { Reserved } from './reservation.js';
import { TaskRoom } from './task-room.js';
import { InjectDatabase } from '../model/database.js';

/** How many tasks an account may have. */
@Injectable()
export class TaskQuota {
  private readonly places: PlaceQuota;

  constructor(@InjectDatabase() db: DataSource, room: TaskRoom, @Inject(CLOCK) clock: Clock) {
    this.places = new PlaceQuota(db, clock, {
      countSql: `SELECT coalesce((SELECT tasks FROM task_count WHERE owner = $1), 0)
         - (SELECT count(*) FROM task WHERE task_id = ANY($2::text[])) AS count`,
      makeRoom: (owner, places) => room.make(owner, places),
      refusal: { message: 'Maximum number of tasks reached', code: 'quota-tasks' },
    });
  }

  /** Reserves a place for a task that is being submitted. @throws Forbidden */
  reserve({ id, quotas }: Account, taskId: string): Promise<Reserved> {
    return this.places.reserve(id, quotas.maxTasks, taskId);
  }
}
