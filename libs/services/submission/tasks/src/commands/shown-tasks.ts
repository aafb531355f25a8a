import { Injectable } from '@nestjs/common';
import { StatusBarrier } from '../model/status-barrier.js';
import { TaskPlaces } from '../places/task-places.js';
import type { Accepted } from './creations.js';

/** Where new tasks belong, and when they are seen. */
@Injectable()
export class ShownTasks {
  constructor(
    private readonly barrier: StatusBarrier,
    readonly places: TaskPlaces,
  ) {}

  /** The log has the tasks: whatever fails from now on, their ids are the answer. */
  async all(accepted: readonly Accepted<unknown>[]): Promise<void> {
    await this.barrier.passed(Math.max(0, ...accepted.map(({ sequence }) => sequence)));
    for (const { reservation } of accepted) reservation.confirm();
  }
}
