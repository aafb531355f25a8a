import { Inject, Injectable } from '@nestjs/common';
import type { BulkTaskResult, TaskCreation, WireResult } from '@fornax/contracts';
import { taskDecider, type TaskSpec } from '@fornax/domain';
import { CommandRejected, decideAndAppend, LogUnavailable, WritesStopped, type EventLog } from '@fornax/event-store';
import {
  CLOCK,
  derivedId,
  EVENT_LOG,
  LOGGER,
  metaOf,
  type RequestContext,
  Sealer,
  wireErrorOf,
} from '@fornax/service-kit';
import { type Clock, Conflict, Forbidden, type Logger, ValidationFailed } from '@fornax/base';
import { shortnameTaken } from './shortnames.js';
import { StatusGate } from '../model/status-gate.js';
import { UnsettledCommands, type CommandName } from './unsettled-commands.js';
import { TaskAdmission, type Admitted, type TaskSource } from './task-admission.js';

/** A task that somebody asks for. */
export interface AskedTask {
  /** @throws ValidationFailed, Invalid there is none to be made of the request */
  readonly creation: () => TaskCreation;
  /** What makes two requests the same one, of those that name the same key and way. */
  readonly body: unknown;
  /** Which of the things that one key may make. */
  readonly route: readonly string[];
  /** What is asked for beside the body, whichever its place in a request. */
  readonly way: readonly string[];
  readonly source?: TaskSource;
}

const askedFor = (read: WireResult<TaskCreation>, index: number): AskedTask => ({
  creation: () => {
    if (!read.ok) throw new ValidationFailed(read.errors);
    return read.value;
  },
  body: read.ok ? read.value : null,
  route: [String(index)],
  way: ['submit'],
});

interface Submitted {
  readonly uuid: string;
  readonly admitted: Admitted;
  readonly sequence: number;
}

/** Accepts tasks: one commit for each, so that there is a whole task or none. */
@Injectable()
export class SubmitTask {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly admission: TaskAdmission,
    private readonly gate: StatusGate,
    private readonly sealer: Sealer,
    private readonly unsettled: UnsettledCommands,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @returns the task's id, once a read shows the task */
  submit(read: WireResult<TaskCreation>, context: RequestContext): Promise<string> {
    return this.submitOne(askedFor(read, 0), context);
  }

  /** @returns the task's id, once a read shows the task */
  async submitOne(asked: AskedTask, context: RequestContext): Promise<string> {
    const submitted = await this.accept(asked, context);
    await this.gate.passed(submitted.sequence);
    await this.shown([submitted.admitted], context);
    return submitted.uuid;
  }

  /** Each item for itself, appended together. @returns answers in the order of the items */
  async submitAll(
    items: readonly WireResult<TaskCreation>[],
    context: RequestContext,
  ): Promise<readonly BulkTaskResult[]> {
    const outcomes = await Promise.allSettled(items.map((item, index) => this.accept(askedFor(item, index), context)));
    const last = Math.max(
      0,
      ...outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.sequence : 0)),
    );
    await this.gate.passed(last);
    const accepted = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.admitted] : []));
    await this.shown(accepted, context);
    return outcomes.map((outcome) => {
      if (outcome.status === 'fulfilled') return { statusCode: 200, uuid: outcome.value.uuid, message: null };
      const { status, message } = wireErrorOf(outcome.reason);
      return { statusCode: status, uuid: null, message };
    });
  }

  /** The tasks are in the log: whatever fails from now on, their ids are the answer. */
  private async shown(accepted: readonly Admitted[], { account }: RequestContext): Promise<void> {
    const outcomes = await Promise.allSettled(accepted.map((admitted) => this.admission.shown(admitted, account.id)));
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        this.logger.warn({ err: outcome.reason as unknown }, 'the name of a new task could not be settled');
  }

  private async accept(asked: AskedTask, context: RequestContext): Promise<Submitted> {
    const creation = asked.creation();
    const { account, idempotencyKey } = context;
    if ((creation.forcedConstants ?? []).length > 0 && account.role !== 'operator') {
      throw new Forbidden('Forced constants need a permission that this account does not have', {
        code: 'forbidden-forced-constants',
      });
    }
    if (idempotencyKey !== undefined) {
      const taskId = derivedId('task', account.id, idempotencyKey, ...asked.route);
      return this.submitAs({ name: taskId, isRepeated: true }, asked, creation, context);
    }
    return this.unsettled.carryOut(
      context,
      [...asked.way, asked.body],
      (taskId) => `the task ${taskId} was created`,
      (command) => this.submitAs(command, asked, creation, context),
    );
  }

  private async submitAs(
    { name: taskId, isRepeated }: CommandName,
    asked: AskedTask,
    creation: TaskCreation,
    context: RequestContext,
  ): Promise<Submitted> {
    const admitted = await this.admission.admit(creation, { taskId, isRepeated }, context, asked.source);
    return this.append(admitted, this.sealer.fingerprint(JSON.stringify(asked.body)), context);
  }

  /** The commit is named after the task and the request's body: a repeated request finds its commit, another one under the same name does not. */
  private async append(admitted: Admitted, fingerprint: string, context: RequestContext): Promise<Submitted> {
    const { spec, taskId, isContinued } = admitted;
    const at = this.clock.now();
    const owner = context.account.id;
    try {
      const { sequence } = await decideAndAppend({
        log: this.log,
        aggregate: 'task',
        id: taskId,
        decider: taskDecider,
        command: { type: 'SubmitTask', taskId, owner, spec, at },
        commitId: derivedId('submit', taskId, fingerprint),
        meta: metaOf(context),
        at,
        ...(isContinued ? {} : { loaded: { state: taskDecider.initial, sequence: 0 } }),
      });
      return { uuid: taskId, admitted, sequence };
    } catch (error) {
      const exists = error instanceof CommandRejected && error.rejection.code === 'task-exists';
      if (error instanceof LogUnavailable && !(error instanceof WritesStopped))
        this.admission.outcomeUnknown(admitted, owner);
      else await this.admission.takeBack(admitted, owner, exists);
      throw exists ? taken(spec, context) : error;
    }
  }
}

/** Another request was accepted under this one's key, or under its name while nobody knew whether it was. */
const taken = ({ shortname }: TaskSpec, { idempotencyKey }: RequestContext): Error =>
  idempotencyKey === undefined
    ? shortnameTaken(shortname)
    : new Conflict('This Idempotency-Key was used for another request', { code: 'idempotency-key-used' });
