import type { NodeState, PoolState, TaskState } from '@fornax/domain';

/** What follows from a task's first commit to all later ones: the request it belongs to, and its trace. */
export interface TaskContext {
  readonly correlationId: string;
  readonly traceparent?: string;
}

/** An unfinished task, or a pool, as the scheduler holds it. */
export interface TaskEntry {
  /** The pool's id, of a pool. */
  readonly taskId: string;
  /** Of a pool, the fold of its slots. */
  readonly state: TaskState;
  /** Absent of a task. */
  readonly pool?: PoolState;
  /** Sequence of the last commit folded: what the next append expects. */
  readonly sequence: number;
  /** Sequence of its submission: the order of the queue. */
  readonly order: number;
  readonly context: TaskContext;
  /** The highest epoch of a leader that has written about the task: no leader of a smaller one may any more. */
  readonly leaderEpoch: number;
  /** Since when instances of it wait without a break, by the clock of the commit that made them wait. */
  readonly waitingSince: number | undefined;
}

export interface NodeEntry {
  readonly state: NodeState;
  readonly sequence: number;
}
