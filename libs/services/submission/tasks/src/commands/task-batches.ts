import { Injectable } from '@nestjs/common';
import type { CommitMeta, TaskCreation } from '@fornax/contracts';
import { taskDecider, type TaskDependency, type TaskSpec } from '@fornax/domain';
import { CommandRejected } from '@fornax/event-store';
import type { RequestContext } from '@fornax/identity';
import { derivedId, ValidationFailed } from '@fornax/base';
import { StatusBarrier } from '../model/status-barrier.js';
import type { SealedAll } from './secret-constants.js';
import type { CheckedSpec } from '../model/task-spec.js';
import type { Reserved } from './reservation.js';
import { Reservations } from './reservations.js';
import { BucketRefused, NoSuchBucket } from './task-buckets.js';
import { TaskCommits } from './task-commits.js';
import { TaskSpecs, type TaskSource } from './task-specs.js';

/** One of the tasks that are made together, which knows the ids of those it waits for. */
export interface BatchTask {
  readonly taskId: string;
  readonly creation: TaskCreation;
  readonly dependencies: readonly TaskDependency[];
  readonly source?: TaskSource;
  /** Where in the request it stands. */
  readonly path: string;
}

/** A task that the log may be given. */
export interface BatchedTask {
  readonly taskId: string;
  readonly spec: TaskSpec;
}

/** Tasks that may be made, and what was reserved for them. */
export interface Batch extends Reserved {
  readonly tasks: readonly BatchedTask[];
}

interface CheckedTask {
  readonly taskId: string;
  readonly asked: BatchTask;
  readonly made: CheckedSpec;
}

/** Tasks checked, reserved for or appended at once: pipelined, and in their order. */
export const BATCH_AT_ONCE = 500;
/** Fields that are named in one refusal. */
const MOST_ERRORS = 100;

/** Where a task names a bucket. */
const fieldOf = ({ resourceBuckets = [], advancedResourceBuckets = [] }: TaskCreation, bucket: string): string => {
  const plain = resourceBuckets.indexOf(bucket);
  if (plain >= 0) return `resourceBuckets[${plain}]`;
  const advanced = advancedResourceBuckets.findIndex(({ bucketName }) => bucketName === bucket);
  return advanced >= 0 ? `advancedResourceBuckets[${advanced}].bucketName` : 'resultBucket';
};

const reads = ({ made: { spec } }: CheckedTask, bucket: string): boolean =>
  spec.resources.some((resource) => resource.bucket === bucket);
const writes = ({ made: { spec } }: CheckedTask, bucket: string): boolean =>
  spec.resultBucket === bucket || spec.snapshotBucket === bucket;

/** Who sends many tasks is told which of them names a bucket that cannot be used. */
const atItsField = (tasks: readonly CheckedTask[], error: unknown): unknown => {
  if (!(error instanceof NoSuchBucket || error instanceof BucketRefused)) return error;
  const names = error instanceof NoSuchBucket ? reads : writes;
  const task = tasks.find((one) => names(one, error.bucket));
  if (!task) return error;
  const { creation, path } = task.asked;
  return new ValidationFailed({ [`${path}.${fieldOf(creation, error.bucket)}`]: [error.message] });
};

/** Makes the tasks of one request all or not at all: everything that can be refused is so before anything is written. */
@Injectable()
export class TaskBatches {
  constructor(
    private readonly specs: TaskSpecs,
    private readonly reservations: Reservations,
    private readonly commits: TaskCommits,
    private readonly barrier: StatusBarrier,
  ) {}

  /** What the platform finds wrong with tasks by themselves, by its field. Buckets are not looked for. It leaves nothing. */
  async problemsOf(
    jobId: string,
    asked: readonly BatchTask[],
    context: RequestContext,
  ): Promise<ValidationFailed['errors']> {
    try {
      await this.checkAll(jobId, asked, context);
      return {};
    } catch (error) {
      if (error instanceof ValidationFailed) return error.errors;
      throw error;
    }
  }

  /** Checks all, then reserves what they need. @throws ValidationFailed naming the fields, Forbidden, NotFound */
  async prepare(jobId: string, asked: readonly BatchTask[], context: RequestContext): Promise<Batch> {
    const checked = await this.checkAll(jobId, asked, context);
    const tasks: Reserved[] = [];
    let sealed: SealedAll<CheckedSpec>;
    try {
      for (let from = 0; from < checked.length; from += BATCH_AT_ONCE) {
        const part = await Promise.allSettled(
          checked.slice(from, from + BATCH_AT_ONCE).map(async ({ taskId, made }) => {
            tasks.push(await this.reservations.reserve(made, taskId, false, context));
          }),
        );
        const refused = part.find((one) => one.status === 'rejected');
        if (refused) throw refused.reason;
      }
      await this.reservations.prepare(checked, context);
      sealed = await this.specs.sealAll(checked.map(({ taskId, made }) => ({ id: taskId, made })));
    } catch (refusal) {
      await Promise.all(tasks.map((reservation) => reservation.release()));
      throw atItsField(checked, refusal);
    }
    const reserved = [sealed.keys, ...tasks];
    return {
      tasks: checked.map(({ taskId, made }, at) => ({ taskId, spec: (sealed.made[at] ?? made).spec })),
      confirm: () => reserved.forEach((one) => one.confirm()),
      release: async () => void (await Promise.all(reserved.map((one) => one.release()))),
      leaveUnknown: () => reserved.forEach((one) => one.leaveUnknown()),
    };
  }

  /** Appends tasks that were prepared. Safe to repeat, and to do from several processes. @returns the last sequence @throws LogUnavailable */
  async append(tasks: readonly BatchedTask[], owner: string, meta: CommitMeta): Promise<number> {
    let last = 0;
    for (let from = 0; from < tasks.length; from += BATCH_AT_ONCE) {
      const sequences = await Promise.all(
        tasks.slice(from, from + BATCH_AT_ONCE).map((task) => this.appendOne(task, owner, meta)),
      );
      last = sequences.reduce((most, sequence) => Math.max(most, sequence), last);
    }
    return last;
  }

  /** Resolves once a read shows the tasks. */
  async shown(sequence: number): Promise<void> {
    await this.barrier.passed(sequence);
  }

  private async checkAll(
    jobId: string,
    asked: readonly BatchTask[],
    context: RequestContext,
  ): Promise<readonly CheckedTask[]> {
    const checked: CheckedTask[] = [];
    const errors: Record<string, readonly string[]> = {};
    for (let from = 0; from < asked.length && Object.keys(errors).length < MOST_ERRORS; from += BATCH_AT_ONCE) {
      const part = asked.slice(from, from + BATCH_AT_ONCE);
      const outcomes = await Promise.allSettled(part.map((one) => this.check(jobId, one, context)));
      for (const [at, outcome] of outcomes.entries()) {
        if (outcome.status === 'fulfilled') checked.push(outcome.value);
        else if (outcome.reason instanceof ValidationFailed)
          for (const [field, texts] of Object.entries(outcome.reason.errors))
            errors[`${part[at]?.path}.${field}`] = texts;
        else throw outcome.reason;
      }
    }
    if (Object.keys(errors).length > 0)
      throw new ValidationFailed(Object.fromEntries(Object.entries(errors).slice(0, MOST_ERRORS)));
    return checked;
  }

  private async check(jobId: string, asked: BatchTask, context: RequestContext): Promise<CheckedTask> {
    const { taskId, creation, source, dependencies } = asked;
    const made = await this.specs.specOf(creation, taskId, context, source);
    const spec = { ...made.spec, jobId, ...(dependencies.length > 0 ? { dependencies } : {}) };
    return { taskId, asked, made: { ...made, spec } };
  }

  private async appendOne({ taskId, spec }: BatchedTask, owner: string, meta: CommitMeta): Promise<number> {
    try {
      return await this.commits.decide({
        id: taskId,
        command: { type: 'SubmitTask', taskId, owner, spec },
        commitId: derivedId('batch', taskId),
        meta,
        loaded: { state: taskDecider.initial, sequence: 0 },
      });
    } catch (error) {
      // It was appended before.
      if (error instanceof CommandRejected && error.rejection.code === 'task-exists') return 0;
      throw error;
    }
  }
}
