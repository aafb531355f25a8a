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

/** How much an account may hold and run at once (contract, section 3.24). */
export interface AccountQuotas extends ComputingQuotas {
  readonly maxTasks: number;
  /** Absent in accounts that are older than jobs and pools: see {@link maxJobsOf} and {@link maxPoolsOf}. */
  readonly maxJobs?: number;
  readonly maxPools?: number;
  readonly maxBuckets: number;
  readonly maxStorageBytes: number;
}

/** What to change of quotas; the rest stays. */
export type QuotaChange = Partial<Omit<AccountQuotas, 'flex' | 'onDemand'>> & {
  readonly flex?: Partial<PlanQuotas>;
  readonly onDemand?: Partial<PlanQuotas>;
};

const DEFAULT_MAX_JOBS = 1_000;
const DEFAULT_MAX_POOLS = 100;
type Held = Pick<AccountQuotas, 'maxJobs' | 'maxPools'>;
/** How many jobs an account may have, finished ones included. */
export const maxJobsOf = ({ maxJobs = DEFAULT_MAX_JOBS }: Held): number => maxJobs;
/** How many pools an account may have, closed ones included. */
export const maxPoolsOf = ({ maxPools = DEFAULT_MAX_POOLS }: Held): number => maxPools;

const CEILINGS = [
  'maxTasks',
  'maxJobs',
  'maxPools',
  'maxBuckets',
  'maxStorageBytes',
  'maxInstances',
  'maxCores',
] as const;
/** What accounts have that are of before, though they do not say it. */
const UNSAID: readonly string[] = ['maxJobs', 'maxPools'];
/** Organizations hold no objects themselves. */
const has = (quotas: object, name: string): boolean =>
  name in quotas || (UNSAID.includes(name) && 'maxTasks' in quotas);

/** The quotas after a change. What these quotas do not have (tasks of an organization) is left out; a plan's missing half is the whole's. */
export const changedQuotas = <Q extends ComputingQuotas>(before: Q, change: QuotaChange): Q => {
  const after = { ...before };
  for (const name of CEILINGS) {
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

export const sameQuotas = (a: ComputingQuotas, b: ComputingQuotas): boolean =>
  CEILINGS.every((name) => valueOf(a, name) === valueOf(b, name)) &&
  (['flex', 'onDemand'] as const).every(
    (plan) => a[plan]?.maxInstances === b[plan]?.maxInstances && a[plan]?.maxCores === b[plan]?.maxCores,
  );

const valueOf = (quotas: Partial<AccountQuotas>, name: (typeof CEILINGS)[number]): number | undefined => quotas[name];
