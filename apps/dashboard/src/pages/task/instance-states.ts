import type { Task } from '../../api/wire.ts';
import type { Rgb, Scale } from '../../parts/map-scale.ts';
import { rangesOf } from '../../parts/ranges.ts';

/** The first one is that of instances that wait. */
const COLORS = {
  waiting: [148, 155, 166],
  running: [34, 139, 230],
  succeeded: [47, 158, 68],
  failed: [224, 49, 49],
  cancelled: [232, 89, 12],
} as const satisfies Readonly<Record<string, Rgb>>;
type Shown = keyof typeof COLORS;
const ORDER = Object.keys(COLORS) as readonly Shown[];

/** The numbers of the instances of a task, in their order. */
export const numbersOf = (given: string): Uint32Array => {
  const ranges = rangesOf(given);
  const numbers = new Uint32Array(ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0));
  let at = 0;
  for (const [first, last] of ranges) for (let number = first; number <= last; number += 1) numbers[at++] = number;
  return numbers;
};

/** The state of each instance, as the task itself tells it. */
export const stateScale = (task: Task, numbers: Uint32Array): Scale => {
  const total = numbers.length;
  const offset = numbers[0] ?? 0;
  const isWhole = (numbers[total - 1] ?? 0) - offset + 1 === total;
  const placeOf = isWhole ? undefined : new Map([...numbers].map((number, place) => [number, place]));
  const indices = new Uint8Array(total);
  const mark = (number: number, state: Shown): void => {
    const place = placeOf === undefined ? number - offset : placeOf.get(number);
    if (place !== undefined && place >= 0 && place < total) indices[place] = ORDER.indexOf(state);
  };
  for (const { instanceId } of task.status?.runningInstancesInfo?.perRunningInstanceInfo ?? [])
    mark(instanceId, 'running');
  const ended = [
    ['succeeded', task.status?.succeededRange],
    ['failed', task.status?.failedOnlyRange],
    ['cancelled', task.status?.cancelledRange],
  ] as const;
  for (const [state, range] of ended)
    for (const [first, last] of rangesOf(range ?? ''))
      for (let number = first; number <= last; number += 1) mark(number, state);
  return { indices, labels: ORDER, colors: ORDER.map((state) => COLORS[state]) };
};
