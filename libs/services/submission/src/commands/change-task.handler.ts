import { Inject, Injectable } from '@nestjs/common';
import type { TaskUpdate } from '@fornax/contracts';
import {
  constantProblem,
  forcedConstantsOf,
  profileAt,
  taskDecider,
  type TaskCommand,
  type TaskSpec,
} from '@fornax/domain';
import { CommandRejected, decideAndAppend, type EventLog } from '@fornax/event-store';
import {
  CLOCK,
  EVENT_LOG,
  Forbidden,
  Invalid,
  newId,
  NotFound,
  ValidationFailed,
  type Clock,
} from '@fornax/service-kit';
import type { TaskStatus } from '../projections/task-status.js';
import { TaskLookup } from '../queries/task-lookup.js';
import { derivedId, metaOf, type RequestContext } from './request-context.js';
import { SecretConstants } from './secret-constants.js';
import { StatusGate } from './status-gate.js';

/** What owners, and those who look after their tasks, ask of tasks after submission. Decisions start from the stored fold; only what came after it is read. */
@Injectable()
export class ChangeTask {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly lookup: TaskLookup,
    private readonly gate: StatusGate,
    private readonly secrets: SecretConstants,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws Forbidden the task is finished (contract, 5.23) */
  async abort(id: string, context: RequestContext): Promise<void> {
    const task = await this.lookup.find(context.account, id, 'tend');
    await this.decide(task, { type: 'CancelTask', at: this.clock.now() }, context);
  }

  /** A running task is cancelled first. Once this is answered the task is not found any more. */
  async delete(id: string, context: RequestContext): Promise<void> {
    const task = await this.lookup.find(context.account, id, 'tend');
    await this.decide(task, { type: 'DeleteTask', at: this.clock.now() }, context);
  }

  /** Nodes that run instances of the task fetch what is new in its resource buckets. @throws Invalid nothing of the task runs */
  async updateResources(id: string, context: RequestContext): Promise<void> {
    const task = await this.lookup.find(context.account, id, 'tend');
    await this.decide(task, { type: 'UpdateResources', at: this.clock.now() }, context);
  }

  /** Replaces constants and tags, where given: what a task does is its owner's alone. A secret that comes back masked stays what it was. */
  async update(id: string, { constants, tags }: TaskUpdate, context: RequestContext): Promise<void> {
    const task = await this.lookup.find(context.account, id, 'own');
    const { spec } = task.fold;
    if (constants) checkConstants(spec, constants);
    const sealed = constants && this.secrets.seal(constants, spec);
    await this.decide(
      task,
      { type: 'UpdateTask', ...(tags ? { tags } : {}), ...sealed, at: this.clock.now() },
      context,
    );
  }

  private async decide(
    { taskId, fold, sequence }: TaskStatus,
    command: TaskCommand,
    context: RequestContext,
  ): Promise<void> {
    const commitId = commitIdOf(command, taskId, context);
    try {
      const appended = await decideAndAppend({
        log: this.log,
        aggregate: 'task',
        id: taskId,
        decider: taskDecider,
        command,
        commitId,
        meta: metaOf(context, { kind: 'user', id: fold.owner }),
        at: command.at,
        loaded: { state: fold, sequence },
      });
      await this.gate.passed(appended.sequence);
    } catch (error) {
      if (!(error instanceof CommandRejected)) throw error;
      if (context.idempotencyKey !== undefined && (await this.isCommitted(taskId, commitId))) return;
      throw translated(error, taskId);
    }
  }

  /** Refused because it was done before: the answer of an earlier try was lost. */
  private async isCommitted(taskId: string, commitId: string): Promise<boolean> {
    return (await this.log.readAggregate('task', taskId)).some(({ id }) => id === commitId);
  }
}

/** By the profile that the task was submitted with. @throws ValidationFailed */
const checkConstants = (spec: TaskSpec, constants: NonNullable<TaskUpdate['constants']>): void => {
  const profile = profileAt(spec.profile, spec.profileVersion);
  const misfit = profile && constantProblem(profile, constants, forcedConstantsOf(spec));
  if (misfit) throw new ValidationFailed({ [misfit.field]: [misfit.text] });
};

/** A request that is sent again under its key finds its own commit. An update has a body, so one key may stand for several of them. */
const commitIdOf = (command: TaskCommand, taskId: string, { account, idempotencyKey }: RequestContext): string =>
  idempotencyKey === undefined || command.type === 'UpdateTask'
    ? newId()
    : derivedId(command.type, taskId, account.id, idempotencyKey);

/** The contract's status for what the domain refuses. */
const translated = (error: CommandRejected, taskId: string): Error => {
  const { code, detail } = error.rejection;
  if (code === 'task-not-found') return new NotFound(`No such task: ${taskId}`, { code, cause: error });
  if (code === 'task-not-running') return new Invalid(detail, { code, cause: error });
  if (code === 'task-over') return new Forbidden(detail, { code, cause: error });
  return error;
};
