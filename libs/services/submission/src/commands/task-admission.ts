import { Inject, Injectable } from '@nestjs/common';
import type { TaskCreation } from '@fornax/contracts';
import type { TaskSpec } from '@fornax/domain';
import { ValidationFailed } from '@fornax/service-kit';
import { SUBMISSION_CONFIG, type SubmissionConfig } from '../config/submission-config.js';
import { ProfileCatalogue } from '../profiles/profile-catalogue.js';
import type { RequestContext } from './request-context.js';
import { SecretConstants } from './secret-constants.js';
import { TaskPlace } from './task-place.js';
import { toSpec } from './task-spec.js';

export type Admitted =
  /** An earlier request of the same idempotency key was accepted. */
  | { readonly isAccepted: true }
  | { readonly isAccepted: false; readonly taskId: string; readonly spec: TaskSpec; readonly isContinued: boolean };

/** Everything that must hold before a task goes into the log. What costs nothing is asked first, what leaves a trace last. */
@Injectable()
export class TaskAdmission {
  constructor(
    private readonly profiles: ProfileCatalogue,
    private readonly secrets: SecretConstants,
    private readonly place: TaskPlace,
    @Inject(SUBMISSION_CONFIG) private readonly config: SubmissionConfig,
  ) {}

  /** @throws ValidationFailed, Forbidden, NotFound, Invalid, Unavailable */
  async admit(creation: TaskCreation, taskId: string, context: RequestContext): Promise<Admitted> {
    const checked = toSpec(creation, {
      taskId,
      profileOf: (name) => this.profiles.find(name),
      defaultRequest: { cores: this.config.instanceCores, memoryMB: this.config.instanceMemoryMB },
      sealConstants: (constants) => this.secrets.seal(constants),
    });
    if ('errors' in checked) throw new ValidationFailed(checked.errors);
    if (context.idempotencyKey !== undefined && (await this.place.isTaken(taskId))) return { isAccepted: true };
    await this.place.prepare(checked.spec, context);
    const { spec } = checked;
    if (spec.shortname === taskId) return { isAccepted: false, taskId, spec, isContinued: false };
    return { isAccepted: false, spec, ...(await this.place.reserve(context.account.id, spec.shortname, taskId)) };
  }

  /** The log refused the task. */
  async takeBack(spec: TaskSpec, taskId: string, owner: string): Promise<void> {
    if (spec.shortname !== taskId) await this.place.release(owner, spec.shortname, taskId);
  }

  /** The log did not answer. */
  async outcomeUnknown(spec: TaskSpec, taskId: string, owner: string): Promise<void> {
    if (spec.shortname !== taskId) await this.place.markUnknown(owner, spec.shortname);
  }
}
