import { Inject, Injectable } from '@nestjs/common';
import { taskDecider, type TaskCommand, type TaskEvent, type TaskState } from '@fornax/domain';
import type { EventLog } from '@fornax/event-store';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { Sealer } from '@fornax/identity';
import type { Clock } from '@fornax/base';
import { ObjectCommits, type ObjectDecision } from './object-commits.js';

export type TaskDecision = ObjectDecision<TaskState, TaskCommand>;

/** Decides commands on tasks and appends what comes out. */
@Injectable()
export class TaskCommits extends ObjectCommits<TaskState, TaskCommand, TaskEvent> {
  constructor(@Inject(EVENT_LOG) log: EventLog, sealer: Sealer, @Inject(CLOCK) clock: Clock) {
    super({ aggregate: 'task', decider: taskDecider }, log, sealer, clock);
  }
}
