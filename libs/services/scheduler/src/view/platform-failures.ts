import { difference, fromNumbers, has, type AttemptEnd, type QueueEntry, type WaitingClass } from '@fornax/domain';

/** What is remembered of an instance whose attempts failed by the platform's fault. */
interface Troubled {
  readonly nodes: ReadonlySet<string>;
  readonly failures: number;
  readonly pausedUntil: number;
  readonly until: number;
}

/** What is remembered of a node on which attempts failed by the platform's fault. */
interface NodeRecord {
  /** Tasks of the failures since anything went well there. */
  readonly tasks: ReadonlySet<string>;
  /** How often it was held back since something ended well there. */
  readonly holds: number;
  /** Absent: it is not held back. */
  readonly heldUntil?: number;
  /** Whether the instance that shows whether it is well again is on its way. */
  readonly isOnTrial: boolean;
}

/** An instance that has failed is kept from that node for so long, where there is another. */
const AVOIDED_MS = 60_000;
/** Where there is no other, it waits for so long before its next attempt, and three times as long before each further one. */
const FIRST_PAUSE_MS = 1_000;
const PAUSE_FACTOR = 3;
/** As many tasks in a row fail by chance on no healthy node. */
const TASKS_IN_ROW = 3;
const FIRST_HOLD_MS = 5_000;
const LONGEST_HOLD_MS = 300_000;
/** Beyond that an instance of a task is nothing special any more: that its node fails is seen by the node's record. */
const MOST_OF_TASK = 1_000;

const wellRecord: NodeRecord = { tasks: new Set(), holds: 0, isOnTrial: false };

/**
 * Failures by the platform's fault, since this leader leads: which node failed which instance, and which nodes fail one task after the other. For a node:
 *
 *   well  -> held    three tasks failed there in a row, without anything that started or ended well between them
 *   held  -> trial   its time is over (5 s, twice as long each time, 5 minutes at most): one instance may go there
 *   trial -> well    that one started, or ended by no fault of the platform
 *   trial -> held    it failed by the platform's fault
 *
 * Times are milliseconds by a monotonic clock.
 */
export class PlatformFailures {
  private readonly tasks = new Map<string, Map<number, Troubled>>();
  private readonly nodes = new Map<string, NodeRecord>();

  /** An attempt has ended, with whatever outcome. */
  ended(taskId: string, { instance, node, outcome, cause, startedAt }: AttemptEnd, now: number): void {
    if (outcome === 'failure' && cause === 'platform') {
      this.failed(taskId, instance, node, now);
      return;
    }
    this.forgetInstance(taskId, instance);
    const record = this.nodes.get(node);
    if (!record) return;
    if (startedAt !== undefined && (outcome === 'success' || cause === 'user')) this.nodes.delete(node);
    // Whoever tried it says nothing of it: the next one does.
    else this.nodes.set(node, { ...record, isOnTrial: false });
  }

  /** An attempt has started: a node that was held back can do that again. */
  started(node: string): void {
    const record = this.nodes.get(node);
    if (record) this.nodes.set(node, { tasks: new Set(), holds: record.holds, isOnTrial: false });
  }

  /** A lease is given to a node. */
  given(node: string, now: number): void {
    const record = this.nodes.get(node);
    if (record?.heldUntil !== undefined && now >= record.heldUntil)
      this.nodes.set(node, { ...record, isOnTrial: true });
  }

  /** The task is over, or the node has gone. */
  forgetTask(taskId: string): void {
    this.tasks.delete(taskId);
  }

  forgetNode(node: string): void {
    this.nodes.delete(node);
  }

  heldBack(node: string, now: number): 'closed' | 'trial' | undefined {
    const record = this.nodes.get(node);
    if (record?.heldUntil === undefined) return undefined;
    return now < record.heldUntil || record.isOnTrial ? 'closed' : 'trial';
  }

  /** The classes, with the instances that keep away from nodes as classes of their own: what fits them is another matter. */
  apart(classes: readonly WaitingClass[], now: number): readonly WaitingClass[] {
    if (this.tasks.size === 0) return classes;
    return classes.flatMap((one) => {
      const apart = one.entries.flatMap((entry) => this.troubledOf(entry, now).map((each) => ({ entry, ...each })));
      if (apart.length === 0) return [one];
      const moved = new Map(
        [...Map.groupBy(apart, ({ entry }) => entry.taskId)].map(([taskId, all]) => [
          taskId,
          fromNumbers(all.map(({ instance }) => instance).sort((a, b) => a - b)),
        ]),
      );
      const entries = one.entries.flatMap((entry) => {
        const waiting = difference(entry.waiting, moved.get(entry.taskId) ?? NONE);
        return waiting.size === 0 ? [] : [{ ...entry, waiting }];
      });
      const groups = Map.groupBy(apart, ({ troubled: { nodes, pausedUntil } }) =>
        JSON.stringify([[...nodes].sort(), now < pausedUntil]),
      );
      return [
        ...(entries.length === 0 ? [] : [{ ...one, entries }]),
        ...[...groups.values()].map((group) => ofTroubled(one, group, now)),
      ];
    });
  }

  /** When something changes by itself; undefined: nothing does. */
  nextChange(now: number): number | undefined {
    let next = Infinity;
    const consider = (at: number | undefined): void => {
      if (at !== undefined && at > now && at < next) next = at;
    };
    for (const { heldUntil } of this.nodes.values()) consider(heldUntil);
    for (const instances of this.tasks.values())
      for (const { pausedUntil, until } of instances.values()) {
        consider(pausedUntil);
        consider(until);
      }
    return next === Infinity ? undefined : next;
  }

  private failed(taskId: string, instance: number, node: string, now: number): void {
    const instances = this.tasks.get(taskId) ?? new Map<number, Troubled>();
    const known = instances.get(instance);
    if (known || instances.size < MOST_OF_TASK) {
      const failures = (known?.failures ?? 0) + 1;
      const pausedUntil = now + FIRST_PAUSE_MS * PAUSE_FACTOR ** (failures - 1);
      const nodes = new Set([...(known?.nodes ?? []), node]);
      instances.set(instance, { nodes, failures, pausedUntil, until: now + AVOIDED_MS });
      this.tasks.set(taskId, instances);
    }
    const record = this.nodes.get(node) ?? wellRecord;
    const tasks = new Set([...record.tasks, taskId]);
    if (record.heldUntil === undefined ? tasks.size < TASKS_IN_ROW : now < record.heldUntil) {
      // Of what was on its way there when it was held back, nothing new is learned.
      this.nodes.set(node, record.heldUntil === undefined ? { ...record, tasks } : record);
      return;
    }
    const heldUntil = now + Math.min(FIRST_HOLD_MS * 2 ** record.holds, LONGEST_HOLD_MS);
    this.nodes.set(node, { tasks: new Set(), holds: record.holds + 1, heldUntil, isOnTrial: false });
  }

  private forgetInstance(taskId: string, instance: number): void {
    const instances = this.tasks.get(taskId);
    instances?.delete(instance);
    if (instances?.size === 0) this.tasks.delete(taskId);
  }

  /** Those of an entry that wait and keep away from some node. */
  private troubledOf(
    { taskId, waiting }: QueueEntry,
    now: number,
  ): readonly { instance: number; troubled: Troubled }[] {
    const found: { instance: number; troubled: Troubled }[] = [];
    for (const [instance, troubled] of this.tasks.get(taskId) ?? []) {
      if (now >= troubled.until) this.forgetInstance(taskId, instance);
      else if (has(waiting, instance)) found.push({ instance, troubled });
    }
    return found;
  }
}

const NONE = fromNumbers([]);

/** A class of instances that keep away from the same nodes. */
const ofTroubled = (
  one: WaitingClass,
  group: readonly { entry: QueueEntry; instance: number; troubled: Troubled }[],
  now: number,
): WaitingClass => {
  const [first] = group;
  const byTask = Map.groupBy(group, ({ entry }) => entry);
  return {
    ...one,
    avoids: first?.troubled.nodes ?? new Set(),
    isPaused: now < (first?.troubled.pausedUntil ?? 0),
    entries: [...byTask].map(([entry, all]) => ({
      ...entry,
      waiting: fromNumbers(all.map(({ instance }) => instance).sort((a, b) => a - b)),
    })),
  };
};
