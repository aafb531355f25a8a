/** Ceilings on what runs at once. */
export interface PlanQuotas {
  readonly maxInstances: number;
  readonly maxCores: number;
}

/** Ceilings over all plans, and closer ones for a single plan where somebody set them. */
export interface ComputingQuotas extends PlanQuotas {
  readonly flex?: PlanQuotas;
  readonly onDemand?: PlanQuotas;
}

/** Ceilings on what is stored. An absent one holds nobody back. */
export interface StorageQuotas {
  readonly maxBuckets?: number;
  readonly maxStorageBytes?: number;
  readonly maxObjects?: number;
}

/** How much an account may hold and run at once (contract, section 3.24). */
export interface AccountQuotas extends ComputingQuotas, StorageQuotas {
  readonly maxTasks: number;
  /** Absent in accounts that are older than jobs and pools: see {@link maxJobsOf} and {@link maxPoolsOf}. */
  readonly maxJobs?: number;
  readonly maxPools?: number;
  /** Absent until somebody sets it: see {@link maxRunningPoolsOf}. */
  readonly maxRunningPools?: number;
  readonly maxBuckets: number;
  readonly maxStorageBytes: number;
}

/** How much all members of an organization may run at once and store. */
export interface OrganisationQuotas extends ComputingQuotas, StorageQuotas {}

/** What to change of ceilings on storage: null lifts one, an absent one stays. */
export interface StorageQuotaChange {
  readonly maxBuckets?: number | null;
  readonly maxStorageBytes?: number | null;
  readonly maxObjects?: number | null;
}

interface ComputingQuotaChange extends Partial<PlanQuotas> {
  readonly flex?: Partial<PlanQuotas>;
  readonly onDemand?: Partial<PlanQuotas>;
}

/** What an account alone has ceilings on. */
type OwnQuotaChange = Partial<Pick<AccountQuotas, 'maxTasks' | 'maxJobs' | 'maxPools' | 'maxRunningPools'>>;

/** What to change of an organization's quotas; the rest stays. */
export interface OrganisationQuotaChange extends ComputingQuotaChange, StorageQuotaChange, OwnQuotaChange {}

/** What to change of an account's quotas; the rest stays. An account always has ceilings on buckets and bytes. */
export interface AccountQuotaChange extends ComputingQuotaChange, OwnQuotaChange {
  readonly maxBuckets?: number;
  readonly maxStorageBytes?: number;
  readonly maxObjects?: number | null;
}

const STORAGE_CEILINGS = ['maxBuckets', 'maxStorageBytes', 'maxObjects'] as const;
const OTHER_CEILINGS = ['maxTasks', 'maxJobs', 'maxPools', 'maxRunningPools', 'maxInstances', 'maxCores'] as const;
const CEILINGS = [...OTHER_CEILINGS, ...STORAGE_CEILINGS] as const;

/** The ceilings after a change. */
export const changedStorageQuotas = <Q extends StorageQuotas>(before: Q, change: StorageQuotaChange): Q => {
  const named = STORAGE_CEILINGS.filter((name) => change[name] !== undefined);
  const kept = Object.entries(before).filter(([name]) => !named.some((one) => one === name));
  const set = named.filter((name) => change[name] !== null).map((name) => [name, change[name]]);
  return Object.fromEntries([...kept, ...set]) as Q;
};

const DEFAULT_MAX_JOBS = 1_000;
const DEFAULT_MAX_POOLS = 100;
type Held = Pick<AccountQuotas, 'maxJobs' | 'maxPools' | 'maxRunningPools'>;
/** How many jobs an account may have, finished ones included. */
export const maxJobsOf = ({ maxJobs = DEFAULT_MAX_JOBS }: Held): number => maxJobs;
/** How many pools an account may have, closed ones included. */
export const maxPoolsOf = ({ maxPools = DEFAULT_MAX_POOLS }: Held): number => maxPools;

/** How many pools of an account may have slots at once: as many as it may have, unless it is said. */
export const maxRunningPoolsOf = (quotas: Held): number => quotas.maxRunningPools ?? maxPoolsOf(quotas);

/** What accounts have that are of before, though they do not say it. */
const UNSAID: readonly string[] = ['maxJobs', 'maxPools', 'maxRunningPools'];
/** Organizations hold no objects themselves. */
const has = (quotas: object, name: string): boolean =>
  name in quotas || (UNSAID.includes(name) && 'maxTasks' in quotas);

/** The quotas after a change. What these quotas do not have (tasks of an organization) is left out; a plan's missing half is the whole's. */
export const changedQuotas = <Q extends OrganisationQuotas>(
  before: Q,
  change: AccountQuotaChange | OrganisationQuotaChange,
): Q => {
  const after = changedStorageQuotas(before, change);
  for (const name of OTHER_CEILINGS) {
    const value = change[name];
    if (value !== undefined && has(before, name)) Object.assign(after, { [name]: value });
  }
  for (const plan of ['flex', 'onDemand'] as const) {
    const ceilings = change[plan];
    if (ceilings === undefined) continue;
    const { maxInstances, maxCores } = before[plan] ?? after;
    Object.assign(after, { [plan]: { maxInstances, maxCores, ...ceilings } });
  }
  return after;
};

/** The ceilings of one plan: its own, within those of the whole. */
export const quotasOfPlan = (quotas: ComputingQuotas, plan: 'flex' | 'onDemand'): PlanQuotas => {
  const own = quotas[plan] ?? quotas;
  return {
    maxInstances: Math.min(own.maxInstances, quotas.maxInstances),
    maxCores: Math.min(own.maxCores, quotas.maxCores),
  };
};

export const sameStorageQuotas = (a: StorageQuotas, b: StorageQuotas): boolean =>
  STORAGE_CEILINGS.every((name) => a[name] === b[name]);

export const sameQuotas = (a: OrganisationQuotas, b: OrganisationQuotas): boolean =>
  CEILINGS.every((name) => valueOf(a, name) === valueOf(b, name)) &&
  (['flex', 'onDemand'] as const).every(
    (plan) => a[plan]?.maxInstances === b[plan]?.maxInstances && a[plan]?.maxCores === b[plan]?.maxCores,
  );

const valueOf = (quotas: Partial<AccountQuotas>, name: (typeof CEILINGS)[number]): number | undefined => quotas[name];
