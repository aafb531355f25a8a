import {
  difference,
  emptyRanges,
  formatRanges,
  intersection,
  parseRanges,
  sizeOf,
  union,
  type Ranges,
} from '../shared/ranges.js';
import type { InstantMs } from '../shared/time.js';
import { eachOf, verdictOfAll, wholeOf, type DependencyEnd, type TaskDependency } from '../task/dependencies.js';
import { instanceEndsOf, settledInstances, type InstanceEnds } from '../task/instance-dependencies.js';
import type { TaskEvent } from '../task/task.events.js';
import { outcomeOf, type TaskState } from '../task/task.state.js';
import type { AuditFinding } from './log-audit.js';

/** A task that somebody waited for when it ended. */
interface Ended {
  readonly ends: InstanceEnds;
  readonly end: DependencyEnd;
  readonly at: InstantMs;
}

/** How long the scheduler may take to decide what follows from an end. */
const PATIENCE_MS = 10 * 60_000;

const rangesOf = (text: string): Ranges => {
  const parsed = parseRanges(text);
  return 'ranges' in parsed ? parsed.ranges : emptyRanges;
};

/**
 * Follows what tasks wait for through the log: nothing starts before its dependencies were fulfilled, nothing is released twice or cancelled for nothing, and nothing is
 * forgotten.
 * Of tasks that are over it keeps how those ended that are waited for. What ended before its dependant came is taken as the log says it.
 */
export class DependencyAudit {
  private readonly dependants = new Map<string, Set<string>>();
  private readonly over = new Map<string, Ended>();

  /** @param stateOf the fold of a task that is under way */
  constructor(
    private readonly stateOf: (taskId: string) => { readonly state: TaskState; readonly at: InstantMs } | undefined,
  ) {}

  /** A task was submitted. */
  submitted(taskId: string, { spec }: TaskState): void {
    for (const { taskId: awaited } of spec.dependencies ?? []) {
      const known = this.dependants.get(awaited);
      if (known) known.add(taskId);
      else this.dependants.set(awaited, new Set([taskId]));
    }
  }

  /** A task that was under way is over. */
  ended(taskId: string, state: TaskState, at: InstantMs): void {
    if (this.dependants.has(taskId))
      this.over.set(taskId, { ends: instanceEndsOf(state), end: { taskId, outcome: outcomeOf(state) }, at });
    for (const { taskId: awaited } of state.spec.dependencies ?? []) {
      const known = this.dependants.get(awaited);
      known?.delete(taskId);
      if (known?.size !== 0) continue;
      this.dependants.delete(awaited);
      this.over.delete(awaited);
    }
  }

  /** What is wrong with an event of a task, before it is folded. */
  follow(taskId: string, state: TaskState, event: TaskEvent, sequence: number): readonly AuditFinding[] {
    const found = (kind: AuditFinding['kind'], detail: string, instance?: number): AuditFinding => {
      return { kind, taskId, ...(instance === undefined ? {} : { instance }), detail, sequences: [sequence] };
    };
    switch (event.type) {
      case 'InstancesDispatched':
        return event.leases.flatMap(({ instance, attempt }) =>
          state.isHeld || sizeOf(intersection(state.held, { bounds: [instance, instance + 1], size: 1 })) > 0
            ? [found('started early', `attempt ${attempt} was dispatched while it waits for other tasks`, instance)]
            : [],
        );
      case 'DependenciesFulfilled':
      case 'DependenciesFailed':
        if (!state.isHeld) return [found('released twice', 'what it waits for is decided again')];
        return this.wrongEnds(state, event.ends, event.type === 'DependenciesFulfilled').map((detail) =>
          found('started early', detail),
        );
      case 'InstancesReleased': {
        const instances = rangesOf(event.instances);
        const again = difference(instances, state.held);
        const early = this.unmet(state.spec.dependencies ?? [], instances);
        return [
          ...(again.size > 0
            ? [found('released twice', `instances ${formatRanges(again)} do not wait for others`)]
            : []),
          ...(early.size > 0
            ? [found('started early', `those that instances ${formatRanges(early)} wait for have not ended so`)]
            : []),
        ];
      }
      case 'WaitingInstancesCancelled': {
        const detail = event.because && this.noReason(state, rangesOf(event.instances), event.because);
        return detail === undefined ? [] : [found('cancelled for nothing', detail)];
      }
      default:
        return [];
    }
  }

  /** Why instances of a task are not cancelled rightly because those of another one ended so; undefined: they are, as far as that is known. */
  private noReason({ spec }: TaskState, instances: Ranges, { taskId, outcome }: DependencyEnd): string | undefined {
    const awaited = eachOf(spec.dependencies ?? []).filter((one) => one.taskId === taskId);
    if (awaited.every(({ on }) => on.includes(outcome)))
      return `they do not wait for another end of ${taskId} than ${outcome}`;
    const ends = this.endsOf(taskId);
    const others = ends ? difference(intersection(instances, ends.all), ends[outcome]) : emptyRanges;
    return others.size > 0 ? `instances ${formatRanges(others)} of ${taskId} have not ended as ${outcome}` : undefined;
  }

  /** What waits although all that decides it has long happened. */
  forgotten(
    taskId: string,
    state: TaskState,
    at: InstantMs,
    sequence: number,
    now: InstantMs,
  ): readonly AuditFinding[] {
    const { dependencies = [] } = state.spec;
    const awaited = state.isHeld ? wholeOf(dependencies) : state.held.size > 0 ? eachOf(dependencies) : [];
    const isDecided = awaited.length > 0 && (state.isHeld ? this.isSettled(awaited) : this.hasSettled(state));
    const since = awaited.reduce(
      (latest, one) => Math.max(latest, this.over.get(one.taskId)?.at ?? this.stateOf(one.taskId)?.at ?? 0),
      at,
    );
    if (!isDecided || now - since < PATIENCE_MS) return [];
    const detail = `it waits for other tasks, and what decides that had happened by ${new Date(since).toISOString()}`;
    return [{ kind: 'forgotten', taskId, detail, sequences: [sequence] }];
  }

  /** What is said of tasks that is not so. */
  private wrongEnds({ spec }: TaskState, ends: readonly DependencyEnd[], isFulfilled: boolean): readonly string[] {
    const said = new Map(ends.map((end) => [end.taskId, end.outcome]));
    const verdict = verdictOfAll(spec.dependencies ?? [], (id) => said.get(id));
    const wrong = ends.flatMap(({ taskId, outcome }) => {
      if (this.stateOf(taskId)) return [`${taskId} is under way, not ${outcome}`];
      const known = this.over.get(taskId)?.end.outcome ?? outcome;
      return known === outcome ? [] : [`${taskId} ended as ${known}, not ${outcome}`];
    });
    return verdict === (isFulfilled ? 'fulfilled' : 'notFulfilled')
      ? wrong
      : [...wrong, `its conditions are ${verdict}`];
  }

  private endsOf(taskId: string): InstanceEnds | undefined {
    const state = this.stateOf(taskId)?.state;
    return state ? instanceEndsOf(state) : this.over.get(taskId)?.ends;
  }

  /** Of these instances those that wait for one that has not ended as it is to, as far as that is known. */
  private unmet(dependencies: readonly TaskDependency[], instances: Ranges): Ranges {
    return eachOf(dependencies).reduce((sum, { taskId, on }) => {
      const ends = this.endsOf(taskId);
      if (!ends) return sum;
      const met = on.reduce((some, outcome) => union(some, ends[outcome]), emptyRanges);
      return union(sum, intersection(instances, difference(ends.all, met)));
    }, emptyRanges);
  }

  /** All have ended, or one has as it should not have. Of one that is not known to be under way, the end came before its dependant. */
  private isSettled(awaited: readonly TaskDependency[]): boolean {
    const isUnmet = ({ taskId, on }: TaskDependency): boolean => {
      const outcome = this.over.get(taskId)?.end.outcome;
      return outcome !== undefined && !on.includes(outcome);
    };
    return awaited.every(({ taskId }) => !this.stateOf(taskId)) || awaited.some(isUnmet);
  }

  private hasSettled({ held, spec }: TaskState): boolean {
    const dependencies = eachOf(spec.dependencies ?? []);
    if (dependencies.every(({ taskId }) => !this.stateOf(taskId))) return true;
    const known = dependencies.flatMap(({ taskId }) => this.endsOf(taskId) ?? []);
    const { released, unmet } = settledInstances(held, dependencies, known);
    return released.size > 0 || unmet.length > 0;
  }
}
