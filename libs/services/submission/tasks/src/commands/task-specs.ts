import { Inject, Injectable } from '@nestjs/common';
import type { TaskCreation } from '@fornax/contracts';
import type { OfProfile, TaskOrigin } from '@fornax/domain';
import { AccountDirectory, type RequestContext } from '@fornax/identity';
import { Forbidden, ValidationFailed } from '@fornax/base';
import { TASKS_CONFIG, type TasksConfig } from '../config/tasks-config.js';
import { ProfileCatalogue } from '@fornax/profiles';
import type { PinSource } from '../model/asked-pin.js';
import type { SealedOf } from '../model/secret-constants.js';
import { onCurrentConstants } from './current-constants.js';
import { SecretConstants, type OfOwner, type SealedAll } from './secret-constants.js';
import { constantsIn, toSpec, type CheckedSpec } from '../model/task-spec.js';
import { TaskPlaces } from '../places/task-places.js';
import type { ParameterTable } from '../tables/parameter-table.js';

/** Where a task comes from that is made from another one. */
export interface TaskSource {
  readonly origin: TaskOrigin;
  /** What the masked secrets of the new task stand for; absent: for nothing, because the other one is somebody else's. */
  readonly secrets?: SealedOf;
  /** Its profile, whose version the new task has as well; absent: the new task has the one that its own account gets by that name. */
  readonly profile?: OfProfile;
  /** Its table of parameters. */
  readonly table?: ParameterTable;
  /** Its inputs, where the new task is to have the same. */
  readonly pin?: PinSource;
}

/** Makes the specification of a new task from what was asked for. It leaves nothing. */
@Injectable()
export class TaskSpecs {
  constructor(
    private readonly profiles: ProfileCatalogue,
    private readonly secrets: SecretConstants,
    private readonly accounts: AccountDirectory,
    private readonly places: TaskPlaces,
    @Inject(TASKS_CONFIG) private readonly config: TasksConfig,
  ) {}

  /** @throws ValidationFailed, Forbidden, KeyDestroyed */
  specOf(creation: TaskCreation, taskId: string, context: RequestContext, source?: TaskSource): Promise<CheckedSpec> {
    // Those of the source are read by whoever repeats it.
    return onCurrentConstants(
      () => this.specOnce(creation, taskId, context, source),
      () => this.places.poolsCaughtUp(),
    );
  }

  private async specOnce(
    creation: TaskCreation,
    taskId: string,
    { account }: RequestContext,
    source: TaskSource | undefined,
  ): Promise<CheckedSpec> {
    if ((creation.forcedConstants ?? []).length > 0 && account.role !== 'operator')
      throw new Forbidden('Forced constants need a permission that this account does not have', {
        code: 'forbidden-forced-constants',
      });
    const { poolUuid, pool } = await this.places.poolOf(creation, account);
    const ofPool = pool && { ...pool.spec, ownerId: pool.poolId };
    const secrets = [source?.secrets, ofPool].filter((one) => one !== undefined);
    const open = await this.secrets.copying(constantsIn(creation, pool), ...secrets);
    const projectId = this.accounts.projectFor(account.id, creation.projectUuid)?.id;
    const asking = { account, projectId, origin: source?.profile };
    const profile = pool ? undefined : await this.profiles.answer(creation.profile ?? '', asking);
    const checked = toSpec(
      { ...creation, poolUuid },
      {
        taskId,
        profileOf: (name) => profile ?? { refusal: `No such profile: ${name}` },
        projectOf: (projectUuid) => this.accounts.projectFor(account.id, projectUuid),
        defaultRequest: { cores: this.config.instanceCores, memoryMB: this.config.instanceMemoryMB },
        mostDiskMB: this.config.instanceMaxDiskMB,
        ...(pool ? { pool } : {}),
        ...(source ? { origin: source.origin } : {}),
        ...(source?.table ? { table: source.table } : {}),
        ...(source?.pin ? { pinSource: source.pin } : {}),
      },
    );
    if ('errors' in checked) throw new ValidationFailed(checked.errors);
    return { ...checked, open };
  }

  /** Seals their constants. See `SecretConstants`. */
  sealAll(all: readonly OfOwner<CheckedSpec>[]): Promise<SealedAll<CheckedSpec>> {
    return this.secrets.sealAll(all);
  }
}
