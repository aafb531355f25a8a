import { Injectable } from '@nestjs/common';
import type { BulkTaskResult, TaskCreation, WireResult } from '@fornax/contracts';
import { taskDecider, type TaskSpec } from '@fornax/domain';
import { CommandRejected, LogUnavailable, WritesStopped } from '@fornax/event-store';
import { wireErrorOf } from '@fornax/service-kit';
import { userMeta, type RequestContext } from '@fornax/identity';
import { derivedId, Conflict, ValidationFailed } from '@fornax/base';
import { StatusBarrier } from '../model/status-barrier.js';
import type { Reservation } from './reservation.js';
import { Reservations } from './reservations.js';
import { shortnameTaken } from './shortnames.js';
import { TaskCommits } from './task-commits.js';
import { TaskSpecs, type TaskSource } from './task-specs.js';
import { UnsettledCommands, type CommandName } from './unsettled-commands.js';

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
}

const submission = (creation: TaskCreation, index = 0): AskedTask => ({
  creation,
  body: creation,
  route: [String(index)],
  way: ['submit'],
});

/** A task that the log has, and what was reserved for it. */
interface Accepted {
  readonly taskId: string;
  readonly sequence: number;
  readonly reservation: Reservation;
}

/** Where the log cannot have anything of the task, nothing of it needs to be read. */
const NOTHING = { state: taskDecider.initial, sequence: 0 };

/**
 * Accepts tasks: one commit for each, so that there is a whole task or none. The way of each is the same: it is named, specified, given what it needs
 * beside the log, appended, and answered once a read shows it.
 */
@Injectable()
export class SubmitTask {
  constructor(
    private readonly unsettled: UnsettledCommands,
    private readonly specs: TaskSpecs,
    private readonly reservations: Reservations,
    private readonly commits: TaskCommits,
    private readonly barrier: StatusBarrier,
  ) {}

  /** @returns the task's id, once a read shows the task */
  submit(creation: TaskCreation, context: RequestContext): Promise<string> {
    return this.submitAsked(submission(creation), context);
  }

  /** @returns the task's id, once a read shows the task */
  async submitAsked(asked: AskedTask, context: RequestContext): Promise<string> {
    const accepted = await this.accept(asked, context);
    await this.shown([accepted]);
    return accepted.taskId;
  }

  /** Each item for itself, appended together. @returns answers in the order of the items */
  async submitAll(
    items: readonly WireResult<TaskCreation>[],
    context: RequestContext,
  ): Promise<readonly BulkTaskResult[]> {
    const outcomes = await Promise.allSettled(
      items.map(async (item, index) => {
        if (!item.ok) throw new ValidationFailed(item.errors);
        return this.accept(submission(item.value, index), context);
      }),
    );
    await this.shown(outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : [])));
    return outcomes.map((outcome) => {
      if (outcome.status === 'fulfilled') return { statusCode: 200, uuid: outcome.value.taskId, message: null };
      const { status, message } = wireErrorOf(outcome.reason);
      return { statusCode: status, uuid: null, message };
    });
  }

  /** Names the task: after the request's key, or after an earlier request that this one goes on with, or anew. */
  private async accept(asked: AskedTask, context: RequestContext): Promise<Accepted> {
    const { account, idempotencyKey, wasBegunBefore } = context;
    if (idempotencyKey !== undefined) {
      const name = derivedId('task', account.id, idempotencyKey, ...asked.route);
      return this.acceptAs({ name, isRepeated: wasBegunBefore }, asked, context);
    }
    return this.unsettled.carryOut(
      context,
      [...asked.way, asked.body],
      (taskId) => `the task ${taskId} was created`,
      (command) => this.acceptAs(command, asked, context),
    );
  }

  private async acceptAs(
    { name, isRepeated }: CommandName,
    { creation, body, source }: AskedTask,
    context: RequestContext,
  ): Promise<Accepted> {
    const checked = this.specs.specOf(creation, name, context, source);
    const { spec } = checked;
    const earlier = isRepeated ? await this.submittedBefore(spec, name, body, context) : undefined;
    if (earlier) return earlier;
    const hasKey = context.idempotencyKey !== undefined;
    // Whoever has a name for its request tells it from others, and goes on with none but its own.
    const mayContinue = !isRepeated && !hasKey;
    let reservation: Reservation;
    try {
      reservation = await this.reservations.reserve(checked, name, mayContinue, context);
    } catch (refusal) {
      // Keys are forgotten after a day: what is refused may be taken up by the task that an earlier request has made under this one.
      const made = hasKey && !isRepeated ? await this.submittedBefore(spec, name, body, context) : undefined;
      if (made) return made;
      throw refusal;
    }
    return this.append(spec, body, reservation, context);
  }

  /** What an earlier request has submitted under this one's name. @throws Conflict its body was another one */
  private async submittedBefore(
    spec: TaskSpec,
    taskId: string,
    body: unknown,
    context: RequestContext,
  ): Promise<Accepted | undefined> {
    const earlier = await this.commits.submissionOf(taskId);
    if (!earlier) return undefined;
    if (earlier.id !== this.commits.idOfSubmission(taskId, body)) throw taken(spec, context);
    return { taskId, sequence: earlier.sequence, reservation: this.reservations.ofSubmitted(spec, taskId) };
  }

  /** The commit is named after the task and the request's body: a repeated request finds its commit, another one under the same name does not. */
  private async append(
    spec: TaskSpec,
    body: unknown,
    reservation: Reservation,
    context: RequestContext,
  ): Promise<Accepted> {
    const { id: taskId, isNew } = reservation;
    try {
      const sequence = await this.commits.decide({
        id: taskId,
        command: { type: 'SubmitTask', taskId, owner: context.account.id, spec },
        commitId: this.commits.idOfSubmission(taskId, body),
        meta: userMeta('submission', context),
        loaded: isNew ? NOTHING : undefined,
      });
      return { taskId, sequence, reservation };
    } catch (error) {
      const exists = error instanceof CommandRejected && error.rejection.code === 'task-exists';
      const isUnanswered = error instanceof LogUnavailable && !(error instanceof WritesStopped);
      // What another request may have made is left to it.
      if (exists || isUnanswered) reservation.leaveUnknown();
      else await reservation.release();
      throw exists ? taken(spec, context) : error;
    }
  }

  /** The log has the tasks: whatever fails from now on, their ids are the answer. */
  private async shown(accepted: readonly Accepted[]): Promise<void> {
    await this.barrier.passed(Math.max(0, ...accepted.map(({ sequence }) => sequence)));
    for (const { reservation } of accepted) reservation.confirm();
  }
}

/** Another request was accepted under this one's key, or under its name while nobody knew whether it was. */
const taken = ({ shortname }: TaskSpec, { idempotencyKey }: RequestContext): Error =>
  idempotencyKey === undefined
    ? shortnameTaken('task', shortname)
    : new Conflict('This Idempotency-Key was used for another request', { code: 'idempotency-key-used' });
