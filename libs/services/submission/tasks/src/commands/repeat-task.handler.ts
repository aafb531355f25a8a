import { Injectable } from '@nestjs/common';
import type { TaskRepetition } from '@fornax/contracts';
import type { OriginKind } from '@fornax/domain';
import { Invalid } from '@fornax/base';
import { TaskLookup } from '../queries/task-lookup.js';
import type { RequestContext } from '@fornax/identity';
import { TaskTables } from '../tables/task-tables.js';
import type { TaskStatus } from '../model/task-status.js';
import { SubmitTask, type AskedTask } from './submit-task.handler.js';
import type { TaskSource } from './task-specs.js';
import { TaskPins } from './task-pins.js';
import { TaskPlaces } from '../places/task-places.js';
import { onCurrentConstants } from './current-constants.js';
import { imageOfCopy } from './pinned-image.js';
import { copyOf, type CopyPlace } from './task-copy.js';

/** Makes a task from another one of the same owner: a new id and shortname, linked to its origin, which is left as it is. */
@Injectable()
export class RepeatTask {
  constructor(
    private readonly lookup: TaskLookup,
    private readonly submissions: SubmitTask,
    private readonly tables: TaskTables,
    private readonly pins: TaskPins,
    private readonly places: TaskPlaces,
  ) {}

  /** @returns the new task's id @throws NotFound, Invalid, and what a submission throws */
  repeat(kind: OriginKind, id: string, changes: TaskRepetition, context: RequestContext): Promise<string> {
    return this.withCurrent(() => this.repeatOnce(kind, id, changes, context));
  }

  /** Reads tasks and copies them, again where somebody gives them other secrets meanwhile. See `onCurrentConstants`. */
  withCurrent<T>(work: () => Promise<T>): Promise<T> {
    return onCurrentConstants(work, () => this.lookup.caughtUp());
  }

  private async repeatOnce(
    kind: OriginKind,
    id: string,
    changes: TaskRepetition,
    context: RequestContext,
  ): Promise<string> {
    const task = await this.lookup.find(context.account, id, 'own');
    const { fold, taskId } = task;
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
        ...(await this.copyOf(kind, task, changes, { isInItsJob, outcomes })),
        body: changes,
        route: [kind, taskId],
        way: [kind, taskId],
      },
      context,
    );
  }

  /** What a copy of a task asks for, and what it has of its origin. @throws Invalid, ValidationFailed */
  async copyOf(
    kind: OriginKind,
    { fold, taskId }: TaskStatus,
    changes: TaskRepetition,
    place: CopyPlace,
  ): Promise<Pick<AskedTask, 'creation'> & { readonly source: TaskSource }> {
    const { table } = fold.spec;
    // A row stays with its instance: whichever instances the copy has, they have the numbers of their origins.
    const inherited = table && changes.fornax?.each === undefined ? await this.tables.need(taskId, table) : undefined;
    const { resources } = fold.spec;
    const isPinned = changes.fornax?.pinned === true;
    const creation = copyOf(fold, kind, changes, place);
    const pin = isPinned
      ? { resources, recorded: await this.pins.recorded(taskId), image: imageOfCopy(fold, creation) }
      : undefined;
    return {
      creation,
      source: {
        origin: { taskId, kind },
        secrets: { ...fold.spec, ownerId: taskId },
        profile: fold.spec,
        ...(inherited ? { table: inherited } : {}),
        ...(pin ? { pin } : {}),
      },
    };
  }
}
