import type { RecordedCommit } from '@fornax/contracts';
import {
  isAtItsLimit,
  publicStateOf,
  readyCount,
  taskDecider,
  type PublicTaskState,
  type TaskEvent,
  type TaskState,
} from '@fornax/domain';

/** A change of why instances of a task wait; `reason` null: nothing waits for room any more. */
export interface ReasonChange {
  readonly reason: string | null;
  readonly detail: string | null;
  readonly at: number;
  readonly sequence: number;
}

/** What the log says about the waiting of a task. */
export interface WaitingFacts {
  readonly state: PublicTaskState;
  readonly isDeleted: boolean;
  readonly total: number;
  /** Instances that wait. */
  readonly waiting: number;
  /** When the first of them began to, milliseconds; null when nothing waits. */
  readonly since: number | null;
  readonly reason: string | null;
  readonly detail: string | null;
  /** Of those, instances that wait for other tasks or for their instances. */
  readonly held: number;
  /** Tasks that it waits for; those that have ended may be among them. */
  readonly awaits: readonly string[];
  /** The last changes, oldest first. */
  readonly history: readonly ReasonChange[];
  /** Time of the last commit. */
  readonly at: number;
}

const MOST_CHANGES = 100;

/** Folds the commits of one task, a part at a time. */
export class WaitingFold {
  private task: TaskState = taskDecider.initial;
  private since: number | null = null;
  private changes: ReasonChange[] = [];
  private at = 0;

  apply(commit: RecordedCommit<TaskEvent>): void {
    for (const event of commit.events) {
      this.task = taskDecider.evolve(this.task, event);
      if (event.type === 'WaitingReasonChanged') {
        const { reason, detail, at } = event;
        this.changes = [...this.changes.slice(1 - MOST_CHANGES), { reason, detail, at, sequence: commit.sequence }];
      }
      if (this.task.waiting.size === 0) this.since = null;
      else this.since ??= event.at;
    }
    this.at = commit.at;
  }

  /** Undefined before the first commit. */
  facts(): WaitingFacts | undefined {
    if (!this.task.exists) return undefined;
    const { waiting, all, deleted, isHeld, held, spec } = this.task;
    const ready = readyCount(this.task);
    const awaits =
      isHeld || held.size > 0 ? (spec.dependencies ?? []).filter(({ each }) => isHeld || each === true) : [];
    return {
      state: publicStateOf(this.task),
      isDeleted: deleted,
      total: all.size,
      waiting: waiting.size,
      since: this.since,
      held: waiting.size - ready,
      ...this.why(ready),
      awaits: waiting.size > 0 ? awaits.map(({ taskId }) => taskId) : [],
      history: this.changes,
      at: this.at,
    };
  }

  private why(ready: number): Pick<WaitingFacts, 'reason' | 'detail'> {
    const { waiting } = this.task;
    if (waiting.size === 0) return { reason: null, detail: null };
    if (ready === 0) return { reason: 'dependencies', detail: null };
    if (isAtItsLimit(this.task)) return { reason: 'max-parallel', detail: `${this.task.spec.maxParallel} at once` };
    const last = this.changes.at(-1);
    return { reason: last?.reason ?? null, detail: last?.detail ?? null };
  }
}

/** The scheduler's reasons in words for people who have a task to run. */
const REASONS: Readonly<Record<string, string>> = {
  'no-node': 'no node is there to run anything',
  'nodes-drain': 'the nodes that could run it drain and take nothing new',
  'disks-full': 'the nodes that could run it have no room on their disks, or not for long enough',
  'nodes-away': 'the nodes that could run it are not online',
  'no-node-fits': 'no node has what the task asks for, however long it waits',
  'fleet-full': 'the nodes that fit are busy',
  'nodes-failing':
    'the nodes that fit and have room, or the registry of its image, failed by their own fault a moment ago, and are left alone for a while',
  dependencies: 'the tasks that it waits for have not ended, or not in a way that lets it start',
  'max-parallel': 'as many of its instances as it allows at once are running or on their way',
  'pool-busy': 'every slot of its pool is in use or still being opened, or its pool grows at its next change of size',
  'pool-synchronizing': 'slots of its pool are still being given the newest resources',
  settling: 'commits of the event log were given up, and nodes may still run what was lost with them',
  'credits-exhausted': 'the account has used up the credits that it was granted',
  'budget-exhausted': 'a budget of the project is used up',
  quota: 'the account runs as much as it may at once',
};

const instances = (count: number): string => (count === 1 ? '1 instance' : `${count} instances`);

/** One sentence that says whether and why the task waits. */
export const sentenceOf = ({
  state,
  isDeleted,
  waiting,
  held,
  total,
  reason,
  detail,
}: Omit<WaitingFacts, 'history' | 'awaits'>): string => {
  if (isDeleted) return 'Nothing waits: the task was deleted.';
  if (state === 'Success' || state === 'Failure' || state === 'Cancelled')
    return `Nothing waits: the task is over (${state}).`;
  if (waiting === 0) return `Nothing waits: all of ${instances(total)} are running, on their way or over.`;
  const who = `${instances(waiting)} of ${total} ${waiting === 1 ? 'waits' : 'wait'}`;
  const others = held > 0 && held < waiting ? ` Of these, ${held} wait for instances of other tasks.` : '';
  if (reason === null) return `${who}; nothing stands in the way, or not for long enough to be recorded.${others}`;
  const why = REASONS[reason] ?? reason;
  return `${who}: ${why}${detail === null || detail === why ? '' : ` (${detail})`}.${others}`;
};
