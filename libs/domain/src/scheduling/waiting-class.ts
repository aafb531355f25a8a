import type { HardwareConstraint, ResourceRequest, SchedulingPlan } from '../task/task.events.js';
import type { Ranges } from '../shared/ranges.js';
import type { InstanceNeeds } from './satisfies.js';

/** The waiting instances of one task. */
export interface QueueEntry {
  readonly taskId: string;
  readonly owner: string;
  /** Absent, as of tasks of before there were projects: the one that its account began with. */
  readonly project?: string;
  readonly plan: SchedulingPlan;
  readonly request: ResourceRequest;
  readonly constraints: readonly HardwareConstraint[];
  /** Nothing more where absent. */
  readonly needs?: InstanceNeeds;
  readonly waiting: Ranges;
  /** Sequence of the submission: first come, first served within an owner. */
  readonly order: number;
}

/** An equivalence class: tasks that no rule of planning tells apart except their order. When one does not fit, none does. */
export interface WaitingClass extends Pick<
  QueueEntry,
  'owner' | 'project' | 'plan' | 'request' | 'constraints' | 'needs'
> {
  /** The same for tasks of one class alone. */
  readonly key: string;
  /** Oldest first. */
  readonly entries: readonly QueueEntry[];
  /** Nodes where attempts of these instances failed by the platform's fault: they go elsewhere where another one would do. None where absent. */
  readonly avoids?: ReadonlySet<string>;
  /** The last of those failures is a moment ago: they wait where no other node would do (`there`), or whatever would do (`everywhere`), for it was the registry's. */
  readonly pause?: 'there' | 'everywhere';
}

/** What the rules of planning look at, as a text. It never changes in the life of a task. */
export const classKeyOf = ({
  owner,
  project = owner,
  plan,
  request,
  constraints,
  needs = {},
}: Omit<QueueEntry, 'taskId' | 'waiting' | 'order'>): string =>
  JSON.stringify([owner, project, plan, request.cores, request.memoryMB, request.diskMB ?? 0, constraints, needs]);

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Compares by the order of submission. */
export const olderFirst = (a: QueueEntry, b: QueueEntry): number => a.order - b.order || byText(a.taskId, b.taskId);

/** A class of entries that are alike and in order. @returns undefined when there are none */
export const classOf = (key: string, entries: readonly QueueEntry[]): WaitingClass | undefined => {
  const [first] = entries;
  if (!first) return undefined;
  const { owner, project, plan, request, constraints, needs } = first;
  const optional = { ...(project === undefined ? {} : { project }), ...(needs ? { needs } : {}) };
  return { key, owner, plan, request, constraints, ...optional, entries };
};

/** The classes of entries in any order. */
export const classesOf = (entries: readonly QueueEntry[]): readonly WaitingClass[] =>
  [...Map.groupBy(entries, classKeyOf)].flatMap(([key, alike]) => classOf(key, alike.toSorted(olderFirst)) ?? []);
