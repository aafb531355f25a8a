import { Inject, Injectable } from '@nestjs/common';
import type { WireTask, WireTaskSummary } from '@fornax/contracts';
import { CLOCK, type Clock } from '@fornax/service-kit';
import { ProfileCatalogue } from '../profiles/profile-catalogue.js';
import type { TaskStatus } from '../projections/task-status.js';
import { TaskLists } from '../queries/task-lists.js';
import { summaryView, taskView } from '../queries/task-view.js';

/** Turns statuses into what clients read. */
@Injectable()
export class TaskAnswers {
  constructor(private readonly lists: TaskLists, private readonly profiles: ProfileCatalogue, @Inject(CLOCK) private readonly clock: Clock) {}

  async whole(tasks: readonly TaskStatus[]): Promise<WireTask[]> {
    const now = this.clock.now();
    const hasEnded = tasks.filter(({ fold }) => fold.waiting.size + fold.inFlight.size < fold.all.size);
    const completed = await this.lists.completed(hasEnded.map(({ taskId }) => taskId));
    return tasks.map((task) => taskView(task, completed.get(task.taskId) ?? [], now, this.profiles.notesFor(task.fold.spec.profile)));
  }

  summaries(tasks: readonly TaskStatus[]): WireTaskSummary[] {
    const now = this.clock.now();
    return tasks.map((task) => summaryView(task, now));
  }
}
