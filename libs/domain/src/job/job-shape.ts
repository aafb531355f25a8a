import { difference, emptyRanges, intersection, union, type Ranges } from '../shared/ranges.js';
import type { InstantMs } from '../shared/time.js';
import type { TaskDependency, TaskOutcome } from '../task/dependencies.js';
import { verdictOf } from '../task/dependencies.js';
import type { InstanceEnds } from '../task/instance-dependencies.js';
import type { OriginKind } from '../task/task.events.js';

/** Anything that waits for others of its kind. */
interface Waiting {
  readonly taskId: string;
  readonly waitsFor: readonly string[];
}

/** Those that are waited for come first, whatever waits for itself is left out. It costs nodes and edges once. */
export const inOrder = <T extends Waiting>(nodes: readonly T[]): readonly T[] => {
  const byId = new Map(nodes.map((node) => [node.taskId, node]));
  const dependants = new Map<string, T[]>();
  const open = new Map<string, number>();
  for (const node of nodes) {
    const awaited = [...new Set(node.waitsFor)].filter((id) => byId.has(id));
    open.set(node.taskId, awaited.length);
    for (const id of awaited) {
      const known = dependants.get(id);
      if (known) known.push(node);
      else dependants.set(id, [node]);
    }
  }
  const ordered = nodes.filter(({ taskId }) => open.get(taskId) === 0);
  // The list grows while it is walked.
  for (const { taskId } of ordered)
    for (const node of dependants.get(taskId) ?? []) {
      const left = (open.get(node.taskId) ?? 0) - 1;
      open.set(node.taskId, left);
      if (left === 0) ordered.push(node);
    }
  return ordered;
};

/** A task as a forecast needs it. */
export interface ForecastTask extends Waiting {
  readonly createdAt: InstantMs;
  /** Null while it has not ended. */
  readonly endedAt: InstantMs | null;
  /** Whether it ended by running, and so tells how long others take. */
  readonly hasRun: boolean;
}

export interface JobForecast {
  /** The tasks that decide when the job ends, each waiting for the one before it. */
  readonly criticalPath: readonly string[];
  /** When the last task ends, or has ended; null where nothing tells how long tasks take. */
  readonly expectedEndAt: InstantMs | null;
}

/**
 * When a job's tasks will have ended, and which of them decide it. A task is taken to need, from the end of the last that it waits for, the mean of
 * what those of the job needed that have run; so time in the queue counts, and room is taken to stay as it was.
 */
export const forecastOf = (tasks: readonly ForecastTask[], now: InstantMs): JobForecast => {
  const byId = new Map(tasks.map((task) => [task.taskId, task]));
  const endOf = (id: string): InstantMs => byId.get(id)?.endedAt ?? 0;
  const beginOf = ({ createdAt, waitsFor }: ForecastTask): InstantMs =>
    waitsFor.reduce((latest, id) => Math.max(latest, endOf(id)), createdAt);
  const needed = tasks.flatMap((task) =>
    task.endedAt !== null && task.hasRun ? [Math.max(0, task.endedAt - beginOf(task))] : [],
  );
  const mean = needed.reduce((sum, ms) => sum + ms, 0) / needed.length;
  const ends = new Map<string, { readonly at: number; readonly after: string | undefined }>();
  let last: string | undefined;
  for (const task of inOrder(tasks)) {
    let after: string | undefined;
    for (const id of task.waitsFor)
      if (ends.has(id) && (ends.get(id)?.at ?? 0) >= (after === undefined ? 0 : (ends.get(after)?.at ?? 0))) after = id;
    const begin = Math.max(task.createdAt, after === undefined ? 0 : (ends.get(after)?.at ?? 0));
    // Without a measure each counts as much as the others: the longest chain is the critical one.
    const at = task.endedAt ?? Math.max(now, begin + (needed.length > 0 ? mean : 1));
    ends.set(task.taskId, { at, after });
    if (last === undefined || at >= (ends.get(last)?.at ?? 0)) last = task.taskId;
  }
  const isKnown = needed.length > 0 || tasks.every(({ endedAt }) => endedAt !== null);
  const expectedEndAt = last !== undefined && isKnown ? Math.round(ends.get(last)?.at ?? 0) : null;
  const criticalPath: string[] = [];
  for (let id = last; id !== undefined; id = ends.get(id)?.after) criticalPath.unshift(id);
  return { criticalPath, expectedEndAt };
};

/** A task of a job that is to be run again. */
export interface RepeatableTask {
  readonly taskId: string;
  readonly outcome: TaskOutcome;
  readonly instances: InstanceEnds;
  /** It was cancelled, or instances of it were, because of how a task ended that it waited for. */
  readonly couldNotStart: boolean;
  readonly dependencies: readonly TaskDependency[];
}

/** A task that runs again, how, and what it waits for among those that do. */
export interface RepeatedTask {
  readonly taskId: string;
  readonly kind: OriginKind;
  readonly dependencies: readonly TaskDependency[];
}

/** Of a task that failed, instances may be cancelled that could not start. */
const failedKindOf = (kind: OriginKind, couldNotStart: boolean): OriginKind | undefined => {
  if (kind === 'resume') return undefined;
  return kind === 'retry' && couldNotStart ? 'recover' : kind;
};

/** Which instances of a finished task a copy of it has. */
export const repeatedInstances = (kind: OriginKind, { all, failure, cancelled }: InstanceEnds): Ranges => {
  switch (kind) {
    case 'clone':
      return all;
    case 'retry':
      return failure;
    case 'resume':
      return cancelled;
    case 'recover':
      return union(failure, cancelled);
  }
};

const kindOf = (kind: OriginKind, { outcome, couldNotStart }: RepeatableTask): OriginKind | undefined => {
  if (kind === 'clone') return 'clone';
  if (outcome === 'success') return undefined;
  if (outcome === 'failure') return failedKindOf(kind, couldNotStart);
  if (kind === 'retry') return couldNotStart ? 'resume' : undefined;
  return kind;
};

/**
 * Whether instances of a copy wait for nothing but copies: those that another task does not run again have ended as they were to.
 * @param other undefined: a task of another job, of which only an end that was not as it should be is known
 */
const instancesAreMet = (
  ofCopy: Ranges,
  dependency: TaskDependency,
  other: InstanceEnds | undefined,
  kind: OriginKind | undefined,
  outcomes: ReadonlyMap<string, TaskOutcome>,
): boolean => {
  const end = outcomes.get(dependency.taskId);
  if (!other) return end === undefined || dependency.on.includes(end);
  const left = kind === undefined ? ofCopy : difference(ofCopy, repeatedInstances(kind, other));
  return intersection(left, difference(other.all, endedAs(other, dependency.on))).size === 0;
};

const endedAs = (ends: InstanceEnds, on: readonly TaskOutcome[]): Ranges =>
  on.reduce((sum, outcome) => union(sum, ends[outcome]), emptyRanges);

/**
 * Which tasks of a job run again, in the order in which they wait: `retry` those that failed and those that could not start because of it, `resume`
 * those that were cancelled, `recover` both, `clone` all. What they waited for and does not run again has ended as it was to; a task for which
 * it has not is left as it is, and so are those behind it.
 * @param ends how other tasks ended that they waited for
 */
export const repeatedOf = (
  kind: OriginKind,
  tasks: readonly RepeatableTask[],
  ends: ReadonlyMap<string, TaskOutcome>,
): readonly RepeatedTask[] => {
  const outcomes = new Map([...ends, ...tasks.map(({ taskId, outcome }) => [taskId, outcome] as const)]);
  const repeated = new Map<string, RepeatedTask>();
  const instances = new Map(tasks.map((task) => [task.taskId, task.instances]));
  const own = new Set(tasks.map(({ taskId }) => taskId));
  for (const task of inOrder(
    tasks.map((one) => ({ ...one, waitsFor: one.dependencies.map(({ taskId }) => taskId) })),
  )) {
    const how = kindOf(kind, task);
    if (how === undefined) continue;
    const again = task.dependencies.filter(
      ({ taskId }) => repeated.has(taskId) || (kind === 'clone' && !own.has(taskId)),
    );
    const ofCopy = repeatedInstances(how, task.instances);
    const isMet = (one: TaskDependency): boolean =>
      one.each === true
        ? instancesAreMet(ofCopy, one, instances.get(one.taskId), repeated.get(one.taskId)?.kind, outcomes)
        : again.includes(one) || verdictOf(one, outcomes.get(one.taskId)) === 'fulfilled';
    if (task.dependencies.every((one) => isMet(one)))
      repeated.set(task.taskId, { taskId: task.taskId, kind: how, dependencies: again });
  }
  return [...repeated.values()];
};
