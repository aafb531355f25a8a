import { Inject, Injectable } from '@nestjs/common';
import type { BulkTaskResult, TaskCreation, WireResult } from '@fornax/contracts';
import { taskDecider, type TaskSpec } from '@fornax/domain';
import { CommandRejected, decideAndAppend, LogUnavailable, type EventLog } from '@fornax/event-store';
import { CLOCK, EVENT_LOG, Forbidden, newId, ValidationFailed, wireErrorOf, type Clock } from '@fornax/service-kit';
import { derivedId, metaOf, type RequestContext } from './request-context.js';
import { StatusGate } from './status-gate.js';
import { TaskAdmission } from './task-admission.js';

interface Submitted {
  readonly uuid: string;
  readonly sequence: number;
}

/** Accepts tasks: one commit for each, so that there is a whole task or none. */
@Injectable()
export class SubmitTask {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly admission: TaskAdmission,
    private readonly gate: StatusGate,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @returns the task's id, once a read shows the task */
  async submit(read: WireResult<TaskCreation>, context: RequestContext): Promise<string> {
    const { uuid, sequence } = await this.accept(read, context, 0);
    await this.gate.passed(sequence);
    return uuid;
  }

  /** Each item for itself, appended together. @returns answers in the order of the items */
  async submitAll(items: readonly WireResult<TaskCreation>[], context: RequestContext): Promise<readonly BulkTaskResult[]> {
    const outcomes = await Promise.allSettled(items.map((item, index) => this.accept(item, context, index)));
    const last = Math.max(0, ...outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value.sequence : 0)));
    await this.gate.passed(last);
    return outcomes.map((outcome) => {
      if (outcome.status === 'fulfilled') return { statusCode: 200, uuid: outcome.value.uuid, message: null };
      const { status, message } = wireErrorOf(outcome.reason);
      return { statusCode: status, uuid: null, message };
    });
  }

  private async accept(read: WireResult<TaskCreation>, context: RequestContext, index: number): Promise<Submitted> {
    if (!read.ok) throw new ValidationFailed(read.errors);
    const { account, idempotencyKey } = context;
    if ((read.value.forcedConstants ?? []).length > 0 && account.role !== 'operator') {
      throw new Forbidden('Forced constants need a permission that this account does not have', { code: 'forbidden-forced-constants' });
    }
    const taskId = idempotencyKey === undefined ? newId() : derivedId('task', account.id, idempotencyKey, String(index));
    const admitted = await this.admission.admit(read.value, taskId, context);
    if (admitted.isAccepted) return this.acceptedBefore(taskId);
    return this.append(admitted.spec, admitted.taskId, admitted.isContinued || idempotencyKey !== undefined, context);
  }

  /** The commit is named after the task: it is repeated, never doubled. */
  private async append(spec: TaskSpec, taskId: string, isRepeatable: boolean, context: RequestContext): Promise<Submitted> {
    const at = this.clock.now();
    const owner = context.account.id;
    try {
      const { sequence } = await decideAndAppend({
        log: this.log,
        aggregate: 'task',
        id: taskId,
        decider: taskDecider,
        command: { type: 'SubmitTask', taskId, owner, spec, at },
        commitId: derivedId('submit', taskId),
        meta: metaOf(context),
        at,
        loaded: { state: taskDecider.initial, sequence: 0 },
      });
      return { uuid: taskId, sequence };
    } catch (error) {
      if (isRepeatable && error instanceof CommandRejected && error.rejection.code === 'task-exists') return this.acceptedBefore(taskId);
      if (error instanceof LogUnavailable) await this.admission.outcomeUnknown(spec, taskId, owner);
      else await this.admission.takeBack(spec, taskId, owner);
      throw error;
    }
  }

  private async acceptedBefore(uuid: string): Promise<Submitted> {
    return { uuid, sequence: (await this.log.head()).sequence };
  }
}
