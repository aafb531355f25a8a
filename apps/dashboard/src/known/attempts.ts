import type { AttemptChange } from '../api/attempts.ts';
import type { LaneOrder } from '../parts/lane-orders.ts';
import { rangesOf } from '../parts/ranges.ts';

/** One attempt of an instance; instants in milliseconds, undefined where they have not come yet. */
export interface Attempt {
  readonly instance: number;
  readonly attempt: number;
  readonly node: string;
  /** Since when the instance had waited for room. */
  readonly waitedFrom: number | undefined;
  readonly sentAt: number;
  readonly startedAt: number | undefined;
  /** When the command ended; what comes after is the storing of its results. */
  readonly exitedAt: number | undefined;
  readonly overAt: number | undefined;
  readonly outcome: string | undefined;
  readonly cause: string | undefined;
  readonly exitCode: number | undefined;
}

type Open = { -readonly [K in keyof Attempt]: Attempt[K] };

const instant = (text: string | null): number | undefined => (text === null ? undefined : Date.parse(text));

/** The attempts that changes tell of, in the order in which they were sent to nodes. */
export const attemptsOf = (changes: readonly AttemptChange[]): readonly Attempt[] => {
  const attempts: Open[] = [];
  const open = new Map<number, Open>();
  const waits = new Map<number, number>();
  let allWait: number | undefined;
  const waitedFrom = (instance: number): number | undefined => {
    const own = waits.get(instance);
    return own === undefined || allWait === undefined ? (own ?? allWait) : Math.max(own, allWait);
  };

  const isOver = (at: number, told: AttemptChange['attempts'][number]): void => {
    const one = open.get(told.instance);
    if (one === undefined) return;
    open.delete(told.instance);
    one.startedAt = instant(told.startedAt) ?? one.startedAt;
    one.exitedAt = one.startedAt === undefined ? undefined : instant(told.endedAt);
    one.overAt = Math.max(at, one.exitedAt ?? at);
    one.outcome = told.outcome ?? undefined;
    one.cause = told.cause ?? undefined;
    one.exitCode = told.exitCode ?? undefined;
  };

  for (const { at: text, kind, instances, attempts: told } of changes) {
    const at = Date.parse(text);
    if (kind === 'waiting') {
      if (instances === null) allWait = at;
      for (const [first, last] of rangesOf(instances ?? ''))
        for (let number = first; number <= last; number += 1) waits.set(number, at);
    }
    for (const one of told) {
      if (kind === 'dispatched') {
        const begun: Open = {
          instance: one.instance,
          attempt: one.attempt ?? 1,
          node: one.node ?? '',
          waitedFrom: waitedFrom(one.instance),
          sentAt: at,
          startedAt: undefined,
          exitedAt: undefined,
          overAt: undefined,
          outcome: undefined,
          cause: undefined,
          exitCode: undefined,
        };
        attempts.push(begun);
        open.set(one.instance, begun);
      } else if (kind === 'started') {
        const known = open.get(one.instance);
        if (known !== undefined) known.startedAt = instant(one.startedAt) ?? at;
      } else isOver(at, one);
      if (kind === 'requeued') waits.set(one.instance, at);
    }
  }
  return attempts;
};

/** A row of the drawing. */
export interface Lane {
  readonly label: string;
  readonly attempts: readonly Attempt[];
}

const instanceLanes = (attempts: readonly Attempt[]): readonly Lane[] => {
  const lanes = Map.groupBy(attempts, ({ instance }) => instance);
  return [...lanes].sort(([a], [b]) => a - b).map(([instance, own]) => ({ label: String(instance), attempts: own }));
};

/** As few rows for a node as it had attempts at once. */
const nodeLanes = (attempts: readonly Attempt[]): readonly Lane[] =>
  [...Map.groupBy(attempts, ({ node }) => node)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([node, own]) => {
      const lanes: { until: number; readonly attempts: Attempt[] }[] = [];
      for (const one of own.toSorted((a, b) => a.sentAt - b.sentAt)) {
        const free = lanes.find(({ until }) => until <= one.sentAt);
        const lane = free ?? { until: 0, attempts: [] };
        if (free === undefined) lanes.push(lane);
        lane.attempts.push(one);
        lane.until = one.overAt ?? Infinity;
      }
      return lanes.map((lane) => ({ label: node, attempts: lane.attempts }));
    });

/** The rows of the drawing: one for each instance, one for each attempt as they were sent, or as many for each node as ran there at once. */
export const lanesOf = (attempts: readonly Attempt[], order: LaneOrder): readonly Lane[] => {
  switch (order) {
    case 'instance':
      return instanceLanes(attempts);
    case 'node':
      return nodeLanes(attempts);
    case 'time':
      return attempts.map((one) => ({ label: `${one.instance} (${one.attempt})`, attempts: [one] }));
  }
};
