import { nodeDecider, type NodeState } from '../node/node.decider.js';
import type { NodeEvent } from '../node/node.events.js';
import { has } from '../shared/ranges.js';
import type { InstantMs } from '../shared/time.js';
import type { AttemptEnd, TaskEvent } from '../task/task.events.js';
import { evolveTask, initialTaskState, isOver, type TaskState } from '../task/task.state.js';
import { DependencyAudit } from './dependency-audit.js';
import { SlotAudit } from './slot-audit.js';
import { billFaults, isTorn, sharedMoments, type BilledAttempt, type Stay } from './invariants.js';

/** A commit, as far as the audit needs it. */
export interface AuditedCommit {
  readonly sequence: number;
  readonly aggregate: string;
  readonly aggregateId: string;
  readonly at: InstantMs;
  readonly events: readonly { readonly type: string }[];
  /** Fencing token of the leader that wrote it; absent where no leader did. */
  readonly leaderEpoch?: number;
}

export type AuditKind =
  | 'ran twice at once'
  | 'billed twice'
  | 'not billed'
  | 'billed for nothing'
  | 'billed otherwise'
  | 'ran after its end'
  | 'ran outside its slot'
  | 'ran too many at once'
  | 'started early'
  | 'released twice'
  | 'cancelled for nothing'
  | 'written past the fence'
  | 'forgotten'
  | 'torn';

/** Something that must never be, with the commits that show it. */
export interface AuditFinding {
  readonly kind: AuditKind;
  /** The pool, where it is about a slot. */
  readonly taskId: string;
  /** Absent when it is about the task as a whole. */
  readonly instance?: number;
  readonly detail: string;
  /** Sequences in the log, in their order. */
  readonly sequences: readonly number[];
}

/** The time of one lease, in sequences of the log: the only clock that is the same for all. */
interface Held extends Stay {
  readonly leaseId: string;
  readonly attempt: number;
  readonly node: string;
  readonly nodeEpoch: number;
}

interface Billed extends BilledAttempt {
  readonly sequence: number;
}

/** What is known of an instance between its first dispatch and its end. */
interface Trail {
  held: readonly Held[];
  billed: readonly Billed[];
}

interface Audited {
  state: TaskState;
  readonly trails: Map<number, Trail>;
  leaderEpoch: number;
  last: number;
  /** Time of its last commit. */
  at: InstantMs;
}

interface Session {
  readonly state: NodeState;
  /** When its last session ended; undefined while it lasts. */
  readonly endedAt: InstantMs | undefined;
}

/** How long the scheduler may take to take back the leases of a session that is over. */
const PATIENCE_MS = 10 * 60_000;

/**
 * Folds the log from its beginning and says what breaks the invariants. It holds the tasks that are under way, and of each the instances that are;
 * of what is over it keeps nothing, so its memory is that of a scheduler. What follows the end of a task is a finding by itself.
 */
export class LogAudit {
  private readonly tasks = new Map<string, Audited>();
  private readonly nodes = new Map<string, Session>();
  private readonly slots = new SlotAudit();
  private readonly dependencies = new DependencyAudit((taskId) => this.tasks.get(taskId));

  get tasksUnderWay(): number {
    return this.tasks.size;
  }

  /** Folds the next commit. */
  fold(commit: AuditedCommit): readonly AuditFinding[] {
    if (commit.aggregate === 'node') this.foldNode(commit);
    if (commit.aggregate === 'pool') return this.slots.fold(commit);
    return commit.aggregate === 'task' ? this.foldTask(commit) : [];
  }

  /**
   * What is wrong with what is still under way at the end of the log.
   * @param now the time of day: what ended long ago and was not followed by anything is forgotten
   */
  end(now: InstantMs): readonly AuditFinding[] {
    const ofTasks = [...this.tasks].flatMap(([taskId, { state, trails, last, at }]) => [
      ...this.dependencies.forgotten(taskId, state, at, last, now),
      ...(isTorn(state) ? [tornOf(taskId, last)] : []),
      ...[...trails].flatMap(([instance, trail]) => {
        const open = trail.held.find(({ until }) => until === Infinity);
        return [
          ...twiceAtOnce(taskId, instance, trail),
          ...(open ? this.forgotten(taskId, { ...open, instance }, now) : []),
        ];
      }),
    ]);
    const ofSlots = [...this.slots.open()].flatMap(({ poolId, ...open }) => this.forgotten(poolId, open, now));
    return [...ofTasks, ...ofSlots];
  }

  private foldNode({ aggregateId, at, events }: AuditedCommit): void {
    let { state, endedAt } = this.nodes.get(aggregateId) ?? { state: nodeDecider.initial, endedAt: undefined };
    // The aggregate's name makes these node events.
    for (const event of events as readonly NodeEvent[]) {
      state = nodeDecider.evolve(state, event);
      if (event.type === 'NodeLost' || event.type === 'NodeRetired' || event.type === 'NodeJoined') endedAt = at;
    }
    this.nodes.set(aggregateId, { state, endedAt });
  }

  private foldTask({
    sequence,
    aggregateId: taskId,
    at,
    events,
    leaderEpoch = 0,
  }: AuditedCommit): readonly AuditFinding[] {
    const findings: AuditFinding[] = [];
    for (const event of events as readonly TaskEvent[]) {
      const known = this.tasks.get(taskId);
      if (event.type === 'TaskSubmitted' && !known) {
        const state = evolveTask(initialTaskState, event);
        this.tasks.set(taskId, { state, trails: new Map(), leaderEpoch, last: sequence, at });
        this.dependencies.submitted(taskId, state);
        continue;
      }
      if (!known) {
        findings.push(...afterTheEnd(taskId, event, sequence));
        continue;
      }
      if (leaderEpoch > 0 && leaderEpoch < known.leaderEpoch) {
        const detail = `the leader of epoch ${leaderEpoch} wrote behind that of ${known.leaderEpoch}`;
        findings.push({ kind: 'written past the fence', taskId, detail, sequences: [known.last, sequence] });
      }
      findings.push(...follow(known, taskId, event, sequence));
      findings.push(...this.dependencies.follow(taskId, known.state, event, sequence));
      if (event.type === 'InstancesDispatched')
        for (const lease of event.leases)
          findings.push(...this.slots.placed({ taskId, poolUuid: known.state.spec.poolUuid }, lease, sequence));
      known.state = evolveTask(known.state, event);
      known.leaderEpoch = Math.max(known.leaderEpoch, leaderEpoch);
      known.last = sequence;
      known.at = at;
      if (event.type === 'InstancesDispatched') findings.push(...tooMany(known.state, taskId, sequence));
      findings.push(...settle(known, taskId, event));
      if (!isOver(known.state) && !known.state.deleted) continue;
      if (isTorn(known.state)) findings.push(tornOf(taskId, sequence));
      for (const [instance, trail] of known.trails) findings.push(...faultsOf(known.state, taskId, instance, trail));
      this.tasks.delete(taskId);
      this.dependencies.ended(taskId, known.state, at);
    }
    return findings;
  }

  /** Nobody will report an attempt whose node's session is over: its lease is to be taken back. */
  private forgotten(
    taskId: string,
    open: Pick<Held, 'attempt' | 'node' | 'nodeEpoch' | 'from'> & { readonly instance: number },
    now: InstantMs,
  ): readonly AuditFinding[] {
    const { instance } = open;
    const node = this.nodes.get(open.node);
    if (!node || node.endedAt === undefined) return [];
    const { status, epoch } = node.state;
    const isGone = status === 'lost' || status === 'retired' ? open.nodeEpoch <= epoch : open.nodeEpoch < epoch;
    if (!isGone || now - node.endedAt < PATIENCE_MS) return [];
    const since = new Date(node.endedAt).toISOString();
    const detail = `attempt ${open.attempt} is on ${open.node}, whose session was over by ${since}`;
    return [{ kind: 'forgotten', taskId, instance, detail, sequences: [open.from] }];
  }
}

const isEnded = ({ succeeded, failed, cancelled }: TaskState, instance: number): boolean =>
  has(succeeded, instance) || has(failed, instance) || has(cancelled, instance);

/** What an event says about instances, before it is folded. */
const follow = (task: Audited, taskId: string, event: TaskEvent, sequence: number): readonly AuditFinding[] => {
  const findings: AuditFinding[] = [];
  if (event.type === 'InstancesDispatched')
    for (const { instance, leaseId, attempt, node, nodeEpoch } of event.leases) {
      const trail = task.trails.get(instance) ?? { held: [], billed: [] };
      if (isEnded(task.state, instance)) {
        const detail = `attempt ${attempt} was dispatched after the instance had ended`;
        findings.push({ kind: 'ran after its end', taskId, instance, detail, sequences: [sequence] });
      }
      const name = `${taskId}/${instance}`;
      const lease = { instance: name, from: sequence, until: Infinity, leaseId, attempt, node, nodeEpoch };
      task.trails.set(instance, { ...trail, held: [...trail.held, lease] });
    }
  if (event.type === 'InstancesConcluded' || event.type === 'InstancesRequeued')
    for (const { instance, leaseId, attempt, outcome } of event.attempts) {
      const trail = task.trails.get(instance);
      if (!trail) {
        findings.push(withoutLease(task.state, taskId, { instance, attempt }, sequence));
        continue;
      }
      const held = trail.held.map((one) =>
        one.leaseId === leaseId && one.until === Infinity ? { ...one, until: sequence } : one,
      );
      task.trails.set(instance, { held, billed: [...trail.billed, { attempt, outcome, sequence }] });
    }
  return findings;
};

const withoutLease = (
  state: TaskState,
  taskId: string,
  { instance, attempt }: Pick<AttemptEnd, 'instance' | 'attempt'>,
  sequence: number,
): AuditFinding =>
  isEnded(state, instance)
    ? {
        kind: 'billed twice',
        taskId,
        instance,
        detail: `attempt ${attempt} ends although its instance had ended`,
        sequences: [sequence],
      }
    : {
        kind: 'billed for nothing',
        taskId,
        instance,
        detail: `attempt ${attempt} ends and was never dispatched`,
        sequences: [sequence],
      };

/** Instances that have ended with this event are looked at, and forgotten. */
const settle = ({ state, trails }: Audited, taskId: string, event: TaskEvent): readonly AuditFinding[] => {
  if (event.type !== 'InstancesConcluded') return [];
  return event.attempts.flatMap(({ instance }) => {
    const trail = trails.get(instance);
    if (!trail || !isEnded(state, instance)) return [];
    trails.delete(instance);
    return faultsOf(state, taskId, instance, trail);
  });
};

/** Every attempt of an instance that is over was given a lease of its own time and is billed once. */
const faultsOf = (state: TaskState, taskId: string, instance: number, trail: Trail): readonly AuditFinding[] => {
  const attempts = trail.held.length;
  const bills = billFaults(trail.billed, {
    least: attempts,
    most: state.attempts.countOf(instance),
    isSuccess: has(state.succeeded, instance),
  });
  const sequences = [...trail.held.map(({ from }) => from), ...trail.billed.map(({ sequence }) => sequence)].toSorted(
    (a, b) => a - b,
  );
  return [
    ...twiceAtOnce(taskId, instance, trail),
    ...bills.map(({ kind, detail }): AuditFinding => ({ kind, taskId, instance, detail, sequences })),
  ];
};

const twiceAtOnce = (taskId: string, instance: number, { held }: Trail): readonly AuditFinding[] =>
  sharedMoments(held).map(([one, other]) => ({
    kind: 'ran twice at once',
    taskId,
    instance,
    detail: `attempt ${other.attempt} on ${other.node} was dispatched while attempt ${one.attempt} on ${one.node} was under way`,
    sequences: [one.from, other.from],
  }));

const tooMany = (
  { spec: { maxParallel = Infinity }, inFlight }: TaskState,
  taskId: string,
  sequence: number,
): readonly AuditFinding[] =>
  inFlight.size <= maxParallel
    ? []
    : [
        {
          kind: 'ran too many at once',
          taskId,
          detail: `${inFlight.size} of its instances are on nodes, and ${maxParallel} may be`,
          sequences: [sequence],
        },
      ];

/** Of a task that is over nothing is kept, and nothing about its instances may come any more. */
const afterTheEnd = (taskId: string, event: TaskEvent, sequence: number): readonly AuditFinding[] => {
  if (event.type === 'InstancesDispatched')
    return event.leases.map(({ instance, attempt }) => ({
      kind: 'ran after its end',
      taskId,
      instance,
      detail: `attempt ${attempt} was dispatched, and the task is over or was never submitted`,
      sequences: [sequence],
    }));
  if (
    event.type === 'DependenciesFulfilled' ||
    event.type === 'DependenciesFailed' ||
    event.type === 'InstancesReleased'
  ) {
    const detail = 'what it waits for is decided, and the task is over or was never submitted';
    return [{ kind: 'released twice', taskId, detail, sequences: [sequence] }];
  }
  if (event.type !== 'InstancesConcluded' && event.type !== 'InstancesRequeued') return [];
  return event.attempts.map(({ instance, attempt }) => ({
    kind: 'billed twice',
    taskId,
    instance,
    detail: `attempt ${attempt} ends, and the task is over or was never submitted`,
    sequences: [sequence],
  }));
};

const tornOf = (taskId: string, sequence: number): AuditFinding => ({
  kind: 'torn',
  taskId,
  detail: 'its instances are not each in one of waiting, in flight, succeeded, failed and cancelled',
  sequences: [sequence],
});
