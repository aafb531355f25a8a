import type { SchedulingPlan } from '@fornax/domain';

/** What runs now. */
export interface Running {
  readonly instances: number;
  readonly cores: number;
}

/** What runs now of one owner in one plan. */
export interface RunningOf extends Running {
  readonly owner: string;
  readonly plan: SchedulingPlan;
}

/** {@link RunningOf} as Postgres gives it. bigint comes as text. */
export interface RunningRow {
  readonly owner: string;
  readonly plan: SchedulingPlan;
  readonly instances: string;
  readonly cores: string;
}

export const runningOf = ({ owner, plan, instances, cores }: RunningRow): RunningOf => ({
  owner,
  plan,
  instances: Number(instances),
  cores: Number(cores),
});

/** All parts together. */
export const sumOf = (parts: readonly Running[]): Running =>
  parts.reduce<Running>(
    (sum, { instances, cores }) => ({ instances: sum.instances + instances, cores: sum.cores + cores }),
    { instances: 0, cores: 0 },
  );

/** One part for each owner and plan. */
export const byOwnerAndPlan = (parts: readonly RunningOf[]): readonly RunningOf[] => {
  const groups = Map.groupBy(parts, ({ owner, plan }) => `${owner} ${plan}`);
  return [...groups.values()].flatMap(([first, ...others]) =>
    first ? [{ ...first, ...sumOf([first, ...others]) }] : [],
  );
};
