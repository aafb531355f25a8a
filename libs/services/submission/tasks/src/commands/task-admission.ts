import { Inject, Injectable } from '@nestjs/common';
import type { TaskCreation } from '@fornax/contracts';
import type { TaskOrigin, TaskSpec } from '@fornax/domain';
import { AccountDirectory, type RequestContext } from '@fornax/service-kit';
import { ValidationFailed } from '@fornax/base';
import { TASKS_CONFIG, type TasksConfig } from '../config/tasks-config.js';
import { ProfileCatalogue } from '@fornax/profiles';
import { SecretConstants, type SealedConstants } from '../model/secret-constants.js';
import { TaskPlace } from './task-place.js';
import { toSpec } from '../model/task-spec.js';

export interface Admitted {
  readonly taskId: string;
  readonly spec: TaskSpec;
  /** An earlier request began this task, and may have ended it: the log tells. */
  readonly isContinued: boolean;
  /** Under what the place in the quota was taken; absent when an earlier request took it. */
  readonly slot?: string;
}

export interface TaskName {
  readonly taskId: string;
  /** An earlier request may have made the task. */
  readonly isRepeated: boolean;
}

/** Where a task comes from that is made from another one: its masked secrets stand for the other one's. */
export interface TaskSource {
  readonly origin: TaskOrigin;
  readonly secrets: SealedConstants;
}

/** Everything that must hold before a task goes into the log. What costs nothing is asked first, what leaves a trace last. */
@Injectable()
export class TaskAdmission {
  constructor(
    private readonly profiles: ProfileCatalogue,
    private readonly secrets: SecretConstants,
    private readonly place: TaskPlace,
    private readonly accounts: AccountDirectory,
    @Inject(TASKS_CONFIG) private readonly config: TasksConfig,
  ) {}

  /** @throws ValidationFailed, Forbidden, NotFound, Invalid, Unavailable */
  async admit(
    creation: TaskCreation,
    { taskId, isRepeated }: TaskName,
    context: RequestContext,
    source?: TaskSource,
  ): Promise<Admitted> {
    const checked = toSpec(creation, {
      taskId,
      profileOf: (name) => this.profiles.answer(name),
      projectOf: (projectUuid) => this.accounts.projectFor(context.account.id, projectUuid),
      defaultRequest: { cores: this.config.instanceCores, memoryMB: this.config.instanceMemoryMB },
      sealConstants: (constants) =>
        source ? this.secrets.copy(constants, source.secrets) : this.secrets.seal(constants),
      ...(source ? { origin: source.origin } : {}),
    });
    if ('errors' in checked) throw new ValidationFailed(checked.errors);
    const { spec } = checked;
    if (isRepeated && (await this.place.isTaken(taskId))) return { taskId, spec, isContinued: true };
    await this.place.prepare(spec, taskId, context);
    if (spec.shortname === taskId) return { taskId, spec, isContinued: false, slot: taskId };
    const owner = context.account.id;
    try {
      return { spec, slot: taskId, ...(await this.place.reserve(owner, spec.shortname, taskId, !isRepeated)) };
    } catch (error) {
      this.place.vacate(owner, taskId);
      throw error;
    }
  }

  /** The log has the task and the rows show it: it counts without our help, and its owner may know. */
  async shown({ spec, taskId, slot }: Admitted, owner: string): Promise<void> {
    if (slot !== undefined) this.place.settled(owner, slot);
    if (spec.shortname !== taskId) await this.place.settle(taskId);
  }

  /** The log refused the task. What an earlier request holds is left to it: its task may exist. @param exists somebody else's task has the id */
  async takeBack({ spec, taskId, isContinued, slot }: Admitted, owner: string, exists: boolean): Promise<void> {
    if (slot !== undefined) this.place.vacate(owner, slot);
    if (isContinued || exists) this.place.leaveUnknown(taskId);
    if (!isContinued && !exists && spec.shortname !== taskId) await this.place.release(owner, spec.shortname, taskId);
  }

  /** The log did not answer. */
  outcomeUnknown({ taskId, slot }: Admitted, owner: string): void {
    if (slot !== undefined) this.place.vacate(owner, slot);
    this.place.leaveUnknown(taskId);
  }
}
