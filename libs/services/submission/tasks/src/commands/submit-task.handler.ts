import { Injectable } from '@nestjs/common';
import type { BulkTaskResult, TaskCreation, WireResult } from '@fornax/contracts';
import { taskDecider, type TaskCommand, type TaskEvent, type TaskState } from '@fornax/domain';
import { wireErrorOf } from '@fornax/service-kit';
import type { RequestContext } from '@fornax/identity';
import { ValidationFailed } from '@fornax/base';
import type { CheckedSpec } from '../model/task-spec.js';
import { bulkOf, type BulkItem, type Sibling } from '../places/siblings.js';
import { ShownTasks } from './shown-tasks.js';
import { Creations, type Accepted } from './creations.js';
import { Reservations } from './reservations.js';
import { TaskCommits } from './task-commits.js';
import { TaskSpecs, type TaskSource } from './task-specs.js';
import { UnsettledCommands } from './unsettled-commands.js';

/** A task that somebody asks for. */
export interface AskedTask {
  readonly creation: TaskCreation;
  /** What makes two requests the same one, of those that name the same key and way. */
  readonly body: unknown;
  /** Which of the things that one key may make. */
  readonly route: readonly string[];
  /** What is asked for beside the body, whichever its place in a request. */
  readonly way: readonly string[];
  readonly source?: TaskSource;
  /** Its place among the other tasks of the same request, which it may depend on by their shortnames. */
  readonly item?: BulkItem;
}

const submission = (creation: TaskCreation, index = 0): AskedTask => ({
  creation,
  body: creation,
  route: [String(index)],
  way: ['submit'],
});

const siblingOf = ({ id, made: { spec } }: Accepted<CheckedSpec>): Sibling => ({
  taskId: id,
  jobId: spec.jobId ?? null,
  projectUuid: spec.projectUuid ?? null,
  instances: spec.instances,
});

/** Accepts tasks, and answers once a read shows them. */
@Injectable()
export class SubmitTask {
  private readonly creations: Creations<CheckedSpec, TaskState, TaskCommand, TaskEvent>;

  constructor(
    unsettled: UnsettledCommands,
    private readonly specs: TaskSpecs,
    reservations: Reservations,
    commits: TaskCommits,
    private readonly shown: ShownTasks,
  ) {
    this.creations = new Creations(unsettled, {
      kind: 'task',
      commits,
      nothing: { state: taskDecider.initial, sequence: 0 },
      reserve: (checked, id, mayContinue, context) => reservations.reserve(checked, id, mayContinue, context),
      prepare: (made, taskId, context) => reservations.prepare([{ taskId, made }], context),
      seal: (all) => specs.sealAll(all),
      ofMade: ({ spec }, id) => reservations.ofSubmitted(spec, id),
      commandOf: ({ spec }, taskId, owner) => ({ type: 'SubmitTask', taskId, owner, spec }),
      shortnameOf: ({ spec }) => spec.shortname,
    });
  }

  /** @returns the task's id, once a read shows the task */
  submit(creation: TaskCreation, context: RequestContext): Promise<string> {
    return this.submitAsked(submission(creation), context);
  }

  /** @returns the task's id, once a read shows the task */
  async submitAsked(asked: AskedTask, context: RequestContext): Promise<string> {
    const accepted = await this.accept(asked, context);
    await this.shown.all([accepted]);
    return accepted.id;
  }

  /**
   * Each item for itself, appended together; a task that depends on others of them, by their shortnames, comes after those.
   * @returns answers in the order of the items
   */
  async submitAll(
    items: readonly WireResult<TaskCreation>[],
    context: RequestContext,
  ): Promise<readonly BulkTaskResult[]> {
    const bulk = bulkOf(items.map((item) => (item.ok ? item.value : undefined)));
    const outcomes = await Promise.allSettled(
      items.map((item, index) =>
        bulk.carryOut(index, async (own) => {
          if (!item.ok) throw new ValidationFailed(item.errors);
          const accepted = await this.accept({ ...submission(item.value, index), item: own }, context);
          return { accepted, sibling: siblingOf(accepted) };
        }),
      ),
    );
    await this.shown.all(
      outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.accepted] : [])),
    );
    return outcomes.map((outcome) => {
      if (outcome.status === 'fulfilled') return { statusCode: 200, uuid: outcome.value.accepted.id, message: null };
      const { status, message } = wireErrorOf(outcome.reason);
      return { statusCode: status, uuid: null, message };
    });
  }

  private accept(
    { creation, source, item, ...asked }: AskedTask,
    context: RequestContext,
  ): Promise<Accepted<CheckedSpec>> {
    return this.creations.accept(
      {
        ...asked,
        check: (id) => this.specs.specOf(creation, id, context, source),
        place: (checked) => this.shown.places.place(checked, creation, context, item),
      },
      context,
    );
  }
}
