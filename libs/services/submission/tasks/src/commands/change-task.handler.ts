import { Injectable } from '@nestjs/common';
import type { PlanSnapshotsRequest, TaskUpdate } from '@fornax/contracts';
import { constantProblem, diskConstant, forcedConstantsOf, profileOf, type TaskSpec } from '@fornax/domain';
import type { RequestContext } from '@fornax/identity';
import { NotFound, ValidationFailed } from '@fornax/base';
import type { TaskStatus } from '../model/task-status.js';
import { TaskLookup } from '../queries/task-lookup.js';
import type { ChangedConstants } from '../model/secret-constants.js';
import { onCurrentConstants } from './current-constants.js';
import { SecretConstants } from './secret-constants.js';
import { StatusBarrier } from '../model/status-barrier.js';
import { TaskCommits, type TaskDecision } from './task-commits.js';
import { UnsettledCommands, type CommandName } from './unsettled-commands.js';

const DONE = {
  CancelTask: 'aborted',
  DeleteTask: 'deleted',
  UpdateTask: 'updated',
  UpdateResources: 'refreshed',
} as const;

/** What owners, and those who look after their tasks, ask of tasks after submission. Decisions start from the stored fold; only what came after it is read. */
@Injectable()
export class ChangeTask {
  constructor(
    private readonly lookup: TaskLookup,
    private readonly barrier: StatusBarrier,
    private readonly secrets: SecretConstants,
    private readonly unsettled: UnsettledCommands,
    private readonly commits: TaskCommits,
  ) {}

  /** @throws CommandRejected the task is finished (contract, 5.23) */
  async abort(id: string, context: RequestContext): Promise<void> {
    await this.once('CancelTask', id, context, async (again) => {
      const task = await this.lookup.find(context.account, id, 'tend');
      await this.decide(task, { type: 'CancelTask' }, context, again);
    });
  }

  /** A running task is cancelled first. Once this is answered the task is not found any more. */
  async delete(id: string, context: RequestContext): Promise<void> {
    await this.once('DeleteTask', id, context, async (again) => {
      const task = await this.found(id, context, again);
      if (task) await this.decide(task, { type: 'DeleteTask' }, context, again);
    });
  }

  /** Nodes that run instances of the task fetch what is new in its resource buckets. @throws CommandRejected nothing of the task runs */
  async updateResources(id: string, context: RequestContext): Promise<void> {
    await this.once('UpdateResources', id, context, async (again) => {
      const task = await this.lookup.find(context.account, id, 'tend');
      await this.decide(task, { type: 'UpdateResources' }, context, again);
    });
  }

  /** Periodic snapshots from now on. @throws CommandRejected the task is finished, or ends */
  async planSnapshots(id: string, plan: PlanSnapshotsRequest['plan'], context: RequestContext): Promise<void> {
    const task = await this.lookup.find(context.account, id, 'tend');
    await this.decide(task, { type: 'PlanSnapshots', ...plan }, context);
  }

  /** Replaces constants and tags, where given: what a task does is its owner's alone. A secret that comes back masked stays what it was. */
  update(id: string, body: TaskUpdate, context: RequestContext): Promise<void> {
    const work = (again: CommandName | undefined): Promise<void> =>
      onCurrentConstants(
        () => this.updateOnce(id, body, context, again),
        () => this.barrier.caughtUp(),
      );
    return this.once('UpdateTask', id, context, work, body);
  }

  private async updateOnce(
    id: string,
    { constants, tags }: TaskUpdate,
    context: RequestContext,
    again: CommandName | undefined,
  ): Promise<void> {
    const task = await this.lookup.find(context.account, id, 'own');
    const { spec } = task.fold;
    if (constants) checkConstants(spec, constants);
    const write = (sealed: Partial<ChangedConstants>): Promise<void> =>
      this.decide(task, { type: 'UpdateTask', ...(tags ? { tags } : {}), ...sealed }, context, again);
    await (constants ? this.secrets.change(constants, { ...spec, ownerId: task.taskId }, write) : write({}));
  }

  /** A command that is repeated without a key, because nobody knew whether the first one was carried out, goes on with the first one. */
  private once(
    type: keyof typeof DONE,
    id: string,
    context: RequestContext,
    work: (again: CommandName | undefined) => Promise<void>,
    body: unknown = null,
  ): Promise<void> {
    return this.unsettled.once(context, [type, id, body], `the task ${id} was ${DONE[type]}`, work);
  }

  /** Undefined when the first of the repeated commands has deleted it. */
  private async found(
    id: string,
    { account }: RequestContext,
    again: CommandName | undefined,
  ): Promise<TaskStatus | undefined> {
    try {
      return await this.lookup.find(account, id, 'tend');
    } catch (error) {
      if (again?.isRepeated === true && error instanceof NotFound) return undefined;
      throw error;
    }
  }

  private async decide(
    { taskId, fold, sequence }: TaskStatus,
    command: TaskDecision['command'],
    context: RequestContext,
    again?: CommandName,
  ): Promise<void> {
    const hasBody = command.type === 'UpdateTask' || command.type === 'PlanSnapshots';
    const loaded = { state: fold, sequence };
    const asked = { id: taskId, owner: fold.owner, command, context, again, hasBody, loaded };
    await this.barrier.passed(await this.commits.decideOnRequest(asked));
  }
}

const isAboutDisk = ({ key }: { readonly key: string }): boolean => key === diskConstant.name;

/** By the profile that the task was submitted with. @throws ValidationFailed */
const checkConstants = (spec: TaskSpec, constants: NonNullable<TaskUpdate['constants']>): void => {
  const profile = profileOf(spec);
  const misfit = profile && constantProblem(profile, constants, forcedConstantsOf(spec));
  if (misfit) throw new ValidationFailed({ [misfit.field]: [misfit.text] });
  const known = spec.constants.filter(isAboutDisk);
  const asked = constants.filter(isAboutDisk);
  if (JSON.stringify(known) !== JSON.stringify(asked))
    throw new ValidationFailed({
      constants: [
        `The constant ${diskConstant.name} decides where instances run: it cannot change once the task is submitted.`,
      ],
    });
  const column = constants.findIndex(({ key }) => spec.table?.columns.includes(key));
  if (column !== -1)
    throw new ValidationFailed({
      [`constants[${column}].key`]: [`${constants[column]?.key} is a column of the task's table of parameters.`],
    });
};
