import { Injectable } from '@nestjs/common';
import type { TaskRepetition } from '@fornax/contracts';
import type { OriginKind } from '@fornax/domain';
import { Invalid } from '@fornax/base';
import { TaskLookup } from '../queries/task-lookup.js';
import type { RequestContext } from '@fornax/identity';
import type { TaskStatus } from '../model/task-status.js';
import { SubmitTask } from './submit-task.handler.js';
import { TaskPlaces } from '../places/task-places.js';
import { onCurrentConstants } from './current-constants.js';
import { OthersTasks } from './others-tasks.js';
import { TaskCopies } from './task-copies.js';

/** Makes a task from another one: a new id and shortname, linked to its origin, which is left as it is. */
@Injectable()
export class RepeatTask {
  constructor(
    private readonly lookup: TaskLookup,
    private readonly submissions: SubmitTask,
    private readonly copies: TaskCopies,
    private readonly places: TaskPlaces,
    private readonly others: OthersTasks,
  ) {}

  /** @returns the new task's id @throws NotFound, Invalid, and what a submission throws */
  repeat(kind: OriginKind, id: string, changes: TaskRepetition, context: RequestContext): Promise<string> {
    return this.withCurrent(() => this.repeatOnce(kind, id, changes, context));
  }

  /** Reads tasks and copies them, again where somebody gives them other secrets meanwhile. See `onCurrentConstants`. */
  withCurrent<T>(work: () => Promise<T>): Promise<T> {
    return onCurrentConstants(work, () => this.lookup.caughtUp());
  }

  /** See `TaskCopies`. */
  copyOf(...asked: Parameters<TaskCopies['of']>): ReturnType<TaskCopies['of']> {
    return this.copies.of(...asked);
  }

  private async repeatOnce(
    kind: OriginKind,
    id: string,
    changes: TaskRepetition,
    context: RequestContext,
  ): Promise<string> {
    const task = await this.lookup.find(context.account, id);
    const { fold, taskId } = task;
    if (fold.owner !== context.account.id) {
      if (kind === 'clone') return this.cloneOfAnothers(task, changes, context);
      const { account, by } = this.others.repeating(task, kind, changes, context.account);
      return this.repeatOnce(kind, taskId, changes, { ...context, account, by });
    }
    const isInItsJob = await this.places.takesTasks(fold.owner, fold.spec.jobId);
    const { dependencies = [] } = fold.spec;
    if (kind === 'clone' && !isInItsJob && dependencies.length > 0)
      throw new Invalid(
        `The job of task ${taskId} takes no more tasks, and elsewhere a clone cannot wait for what this task waited for: clone the job`,
        { code: 'clone-without-dependencies' },
      );
    const outcomes = await this.places.endsOf(dependencies.map((one) => one.taskId));
    return this.submissions.submitAsked(
      {
        ...(await this.copies.of(kind, task, changes, { isInItsJob, outcomes })),
        body: changes,
        route: [kind, taskId],
        way: [kind, taskId],
      },
      context,
    );
  }

  /** A task of one's own that is like somebody else's: with one's own secrets, quotas and buckets, and outside of the other one's job. */
  private async cloneOfAnothers(task: TaskStatus, changes: TaskRepetition, context: RequestContext): Promise<string> {
    const { taskId } = task;
    this.others.checkCloning(task, changes, context.account);
    const { creation, source } = await this.copies.of('clone', task, changes, { isInItsJob: false });
    this.others.checkCloned(task, creation);
    const { secrets: _secrets, profile: _profile, ...own } = source;
    return this.submissions.submitAsked(
      { creation, source: own, body: changes, route: ['clone', taskId], way: ['clone', taskId] },
      context,
    );
  }
}
