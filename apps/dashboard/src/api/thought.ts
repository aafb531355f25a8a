import type { Constraint } from '../parts/constraints.ts';
import { secondsOf } from '../parts/wire-duration.ts';
import { api, bodyOf } from './client.ts';
import type { paths } from './schema.d.ts';

type Posted<P extends '/fornax/v1/nodes/search' | '/fornax/v1/billing/prices/simulate'> =
  paths[P]['post']['responses'][200]['content']['application/json'];
export type FoundNodes = Posted<'/fornax/v1/nodes/search'>;
export type SimulatedPrice = Posted<'/fornax/v1/billing/prices/simulate'>;

/** Which nodes a task that is only thought of may run on. */
export const findNodes = (profile: string, constraints: readonly Constraint[]): Promise<FoundNodes> =>
  bodyOf(api.POST('/fornax/v1/nodes/search', { body: { profile, hardwareConstraints: [...constraints] } }));

/** How long an instance has taken, and how many tasks say so. */
export interface Typical {
  readonly seconds: number;
  readonly tasks: number;
}

/** So many of the newest tasks of a profile are looked at. */
const MOST_TASKS = 20;

/** How long an instance took in the middle one of the newest tasks of a profile that succeeded. */
export const readTypical = async (profile: string): Promise<Typical | null> => {
  const filters = [
    { operator: 'Equal', field: 'Profile', value: profile },
    { operator: 'Equal', field: 'State', value: 'Success' },
  ];
  const body = {
    maximumResults: MOST_TASKS,
    orderBy: 'creationDate',
    orderType: 'DESC',
    filter: { operator: 'And', filters },
  };
  const { data } = await bodyOf(api.POST('/tasks/summaries/paginate', { body }));
  const seconds = data
    .map(({ executionTime, instanceCount }) => secondsOf(executionTime) / Math.max(1, instanceCount))
    .filter((value) => value > 0)
    .toSorted((a, b) => a - b);
  const middle = seconds[Math.floor(seconds.length / 2)];
  return middle === undefined ? null : { seconds: middle, tasks: seconds.length };
};

interface Thought {
  readonly instances: number;
  readonly seconds: number;
  readonly cores: number;
  readonly isConstrained: boolean;
  readonly hardware: FoundNodes['hardware'];
}

/** What a task that is only thought of would cost on any of this hardware, by the prices that hold now. */
export const simulatePrice = (thought: Thought): Promise<SimulatedPrice> => {
  const { instances, seconds, cores, isConstrained, hardware } = thought;
  const body = {
    instances,
    wallTimeSec: seconds,
    cores,
    constrained: isConstrained,
    hardware: hardware.map(({ specificationKey, ghz }) => ({ specificationKey, ghz })),
  };
  return bodyOf(api.POST('/fornax/v1/billing/prices/simulate', { body }));
};
