import { Inject, Injectable } from '@nestjs/common';
import { Forbidden, ValidationFailed } from '@fornax/base';
import type { PoolCreation } from '@fornax/contracts';
import {
  poolDecider,
  type OfProfile,
  type PoolCommand,
  type PoolEvent,
  type PoolSpec,
  type PoolState,
} from '@fornax/domain';
import { AccountDirectory, type RequestContext } from '@fornax/identity';
import { ProfileCatalogue } from '@fornax/profiles';
import {
  both,
  Creations,
  SecretConstants,
  type OfOwner,
  type OpenConstants,
  type SealedAll,
  type SealedOf,
  Shortnames,
  SpendingLimits,
  TaskBuckets,
  TASKS_CONFIG,
  unnamed,
  UnsettledCommands,
  type Reservation,
  type TasksConfig,
} from '@fornax/tasks';
import { PoolBarrier } from '../model/pool-barrier.js';
import { toPoolSpec } from '../model/pool-spec.js';
import { PoolCommits } from './pool-commits.js';
import { POOL_SHORTNAMES } from './pool-names.js';
import { PoolQuota } from './pool-quota.js';

/** The pool that another one is made from: its masked secrets stand for that one's. */
export type PoolSource = SealedOf & OfProfile;

/** A specification whose secret constants are masked, and its constants, which are sealed into it once the pool's id is certain. */
interface CheckedPool {
  readonly spec: PoolSpec;
  readonly open: OpenConstants;
}

/** What a pool reserves beside the log. */
@Injectable()
export class PoolReservations {
  constructor(
    private readonly quota: PoolQuota,
    private readonly buckets: TaskBuckets,
    @Inject(POOL_SHORTNAMES) private readonly names: Shortnames,
    private readonly limits: SpendingLimits,
  ) {}

  /** What costs nothing is asked first, what leaves a trace last. @throws PaymentRequired, Forbidden, NotFound, Invalid, Unavailable */
  async reserve(spec: PoolSpec, id: string, mayContinue: boolean, context: RequestContext): Promise<Reservation> {
    const { account } = context;
    this.limits.check(account, spec.projectUuid);
    const place = await this.quota.reserve(account, id);
    try {
      await this.buckets.ensure([spec], context);
      const { shortname } = spec;
      if (shortname === id) return both(place, unnamed(id));
      return both(place, await this.names.reserve({ owner: account.id, shortname, id }, mayContinue));
    } catch (error) {
      await place.release();
      throw error;
    }
  }

  ofMade({ shortname }: PoolSpec, id: string): Reservation {
    return shortname === id ? unnamed(id) : this.names.ofSubmitted(id);
  }
}

/** Makes the specification of a new pool from what was asked for. It leaves nothing. */
@Injectable()
export class PoolSpecs {
  constructor(
    private readonly profiles: ProfileCatalogue,
    private readonly secrets: SecretConstants,
    private readonly accounts: AccountDirectory,
    @Inject(TASKS_CONFIG) private readonly config: TasksConfig,
  ) {}

  /** @throws ValidationFailed, Forbidden */
  async specOf(
    creation: PoolCreation,
    poolId: string,
    { account }: RequestContext,
    source?: PoolSource,
  ): Promise<CheckedPool> {
    if ((creation.forcedConstants ?? []).length > 0 && account.role !== 'operator')
      throw new Forbidden('Forced constants need a permission that this account does not have', {
        code: 'forbidden-forced-constants',
      });
    const open = await this.secrets.copying(creation.constants ?? [], ...(source ? [source] : []));
    const projectId = this.accounts.projectFor(account.id, creation.projectUuid)?.id;
    const profile = await this.profiles.answer(creation.profile ?? '', { account, projectId, origin: source });
    const checked = toPoolSpec(creation, {
      poolId,
      profileOf: () => profile,
      projectOf: (projectUuid) => this.accounts.projectFor(account.id, projectUuid),
      defaultRequest: { cores: this.config.instanceCores, memoryMB: this.config.instanceMemoryMB },
    });
    if ('errors' in checked) throw new ValidationFailed(checked.errors);
    return { ...checked, open };
  }

  /** Seals their constants. See `SecretConstants`. */
  sealAll(all: readonly OfOwner<CheckedPool>[]): Promise<SealedAll<CheckedPool>> {
    return this.secrets.sealAll(all);
  }
}

/** Creates pools, and answers once a read shows them. */
@Injectable()
export class CreatePool {
  private readonly creations: Creations<CheckedPool, PoolState, PoolCommand, PoolEvent>;

  constructor(
    unsettled: UnsettledCommands,
    private readonly specs: PoolSpecs,
    reservations: PoolReservations,
    commits: PoolCommits,
    private readonly barrier: PoolBarrier,
  ) {
    this.creations = new Creations(unsettled, {
      kind: 'pool',
      commits,
      nothing: { state: poolDecider.initial, sequence: 0 },
      reserve: ({ spec }, id, mayContinue, context) => reservations.reserve(spec, id, mayContinue, context),
      seal: (all) => specs.sealAll(all),
      ofMade: ({ spec }, id) => reservations.ofMade(spec, id),
      commandOf: ({ spec }, poolId, owner) => ({ type: 'CreatePool', poolId, owner, spec }),
      shortnameOf: ({ spec }) => spec.shortname,
    });
  }

  /** @param way what is asked for beside the body @returns the pool's id, once a read shows the pool */
  async create(
    creation: PoolCreation,
    context: RequestContext,
    { way = ['create-pool'], source }: { readonly way?: readonly string[]; readonly source?: PoolSource } = {},
  ): Promise<string> {
    const { id, sequence, reservation } = await this.creations.accept(
      { body: creation, route: way, way, check: (poolId) => this.specs.specOf(creation, poolId, context, source) },
      context,
    );
    await this.barrier.passed(sequence);
    reservation.confirm();
    return id;
  }
}
