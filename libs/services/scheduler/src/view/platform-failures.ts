import {
  difference,
  fromNumbers,
  has,
  NO_IMAGE_ROOM,
  REGISTRY_AWAY,
  type AttemptEnd,
  type NodeView,
  type QueueEntry,
  type WaitingClass,
} from '@fornax/domain';
import { FailureRow } from './failure-row.js';

/** What is remembered of an instance whose attempts failed by the platform's fault. */
interface Troubled {
  readonly nodes: ReadonlySet<string>;
  readonly failures: number;
  /** The last failure was one that would come on any node. */
  readonly pausesEverywhere: boolean;
  readonly pausedUntil: number;
  readonly until: number;
}

/** Whose an attempt was. */
interface Attempted {
  readonly taskId: string;
  readonly owner: string;
}

/** A lease on its node. */
interface OnNode {
  readonly leaseId: string;
  readonly node: string;
}

/** What is remembered of a node on which attempts failed by the platform's fault. */
interface NodeRecord {
  /** Failures of different accounts. */
  readonly ofAll: FailureRow;
  /** Failures of different tasks of one account, by the account. */
  readonly of: Map<string, FailureRow>;
}

/** An instance that has failed is kept from that node for so long, where there is another. */
const AVOIDED_MS = 60_000;
/** Where there is no other, it waits for so long before its next attempt, and three times as long before each further one: longer together than a node tells a failure to all who come (10 s). */
const FIRST_PAUSE_MS = 2_000;
/** The same for a registry that is away, wherever the instance goes: longer together than a registry may ask for (60 s). */
const FIRST_REGISTRY_PAUSE_MS = 5_000;
const PAUSE_FACTOR = 3;
/** Beyond that an instance of a task is nothing special any more: that its node fails is seen by the node's record. */
const MOST_OF_TASK = 1_000;
/** Beyond that an account is nothing special any more: so many have long held the node back for all. */
const MOST_OF_NODE = 100;

/**
 * Failures by the platform's fault, since this leader leads: which node failed which instance, and which nodes fail one after the other. A node is held back
 * for everybody when tasks of three accounts failed there in a row, and for one account when three tasks of its own did (`FailureRow`): what one account has
 * fail, by its image or its files, keeps no other's work away. Times are milliseconds by a monotonic clock.
 */
export class PlatformFailures {
  private readonly tasks = new Map<string, Map<number, Troubled>>();
  private readonly nodes = new Map<string, NodeRecord>();

  /** An attempt has ended, with whatever outcome. */
  ended(attempted: Attempted, end: AttemptEnd, now: number): void {
    const { taskId, owner } = attempted;
    const { instance, leaseId, node, outcome, cause, startedAt, error } = end;
    if (outcome === 'failure' && cause === 'platform') {
      this.paused(taskId, end, now);
      if (!NOT_OF_NODE.has(error?.code ?? '')) {
        this.failed(attempted, end, now);
        return;
      }
    } else this.forgetInstance(taskId, instance);
    const record = this.nodes.get(node);
    if (!record) return;
    // A start alone says little: a node may start all, and lose what comes of it.
    const isWell = startedAt !== undefined && (outcome === 'success' || cause === 'user' || cause === 'limit');
    if (isWell) {
      record.of.delete(owner);
      if (record.of.size === 0) this.nodes.delete(node);
      else this.nodes.set(node, { ...record, ofAll: new FailureRow() });
    } else this.released({ leaseId, node });
  }

  /** An attempt has started. */
  started(owner: string, { leaseId, node }: OnNode, now: number): void {
    for (const row of this.rowsFor(owner, node)) row.started(leaseId, now);
  }

  /** A lease is given to a node. */
  given(owner: string, { leaseId, node }: OnNode, now: number): void {
    for (const row of this.rowsFor(owner, node)) row.given(leaseId, now);
  }

  /** A lease did not come to be, or its end says nothing of its node. */
  released({ leaseId, node }: OnNode): void {
    const record = this.nodes.get(node);
    record?.ofAll.released(leaseId);
    for (const row of record?.of.values() ?? []) row.released(leaseId);
  }

  /** The task is over, or the node has gone. */
  forgetTask(taskId: string): void {
    this.tasks.delete(taskId);
  }

  forgetNode(node: string): void {
    this.nodes.delete(node);
  }

  /** For whom nothing, or one instance alone, is to go to a node; empty: that goes for nobody. */
  heldBack(node: string, now: number): Pick<NodeView, 'heldBack' | 'heldBackFor'> {
    const record = this.nodes.get(node);
    if (!record) return {};
    const heldBack = record.ofAll.at(now);
    const heldBackFor = new Map<string, 'closed' | 'trial'>();
    for (const [owner, row] of record.of) {
      const held = row.at(now);
      if (held) heldBackFor.set(owner, held);
    }
    return { ...(heldBack ? { heldBack } : {}), ...(heldBackFor.size === 0 ? {} : { heldBackFor }) };
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
      const groups = Map.groupBy(apart, ({ troubled }) =>
        JSON.stringify([[...troubled.nodes].sort(), pauseOf(troubled, now)]),
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
    const consider = (at: number): void => {
      if (at > now && at < next) next = at;
    };
    for (const { ofAll, of } of this.nodes.values())
      for (const row of [ofAll, ...of.values()]) row.changesAt.forEach(consider);
    for (const instances of this.tasks.values())
      for (const { pausedUntil, until } of instances.values()) {
        consider(pausedUntil);
        consider(until);
      }
    return next === Infinity ? undefined : next;
  }

  private rowsFor(owner: string, node: string): readonly FailureRow[] {
    const record = this.nodes.get(node);
    const own = record?.of.get(owner);
    return record ? [record.ofAll, ...(own ? [own] : [])] : [];
  }

  private failed({ taskId, owner }: Attempted, { leaseId, node }: AttemptEnd, now: number): void {
    const record = this.nodes.get(node) ?? { ofAll: new FailureRow(), of: new Map<string, FailureRow>() };
    this.nodes.set(node, record);
    record.ofAll.failed(owner, leaseId, now);
    const own = record.of.get(owner) ?? (record.of.size < MOST_OF_NODE ? new FailureRow() : undefined);
    if (!own) return;
    record.of.set(owner, own);
    own.failed(taskId, leaseId, now);
  }

  private paused(taskId: string, { instance, node, error }: AttemptEnd, now: number): void {
    const instances = this.tasks.get(taskId) ?? new Map<number, Troubled>();
    const known = instances.get(instance);
    if (!known && instances.size >= MOST_OF_TASK) return;
    const failures = (known?.failures ?? 0) + 1;
    const pausesEverywhere = error?.code === REGISTRY_AWAY;
    const firstMs = pausesEverywhere ? FIRST_REGISTRY_PAUSE_MS : FIRST_PAUSE_MS;
    const pausedUntil = now + firstMs * PAUSE_FACTOR ** (failures - 1);
    const nodes = new Set([...(known?.nodes ?? []), node]);
    instances.set(instance, { nodes, failures, pausesEverywhere, pausedUntil, until: now + AVOIDED_MS });
    this.tasks.set(taskId, instances);
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

/** Failures that a node tells, and is not to blame for. */
const NOT_OF_NODE: ReadonlySet<string> = new Set([REGISTRY_AWAY, NO_IMAGE_ROOM]);

const pauseOf = ({ pausedUntil, pausesEverywhere }: Troubled, now: number): WaitingClass['pause'] => {
  if (now >= pausedUntil) return undefined;
  return pausesEverywhere ? 'everywhere' : 'there';
};

/** A class of instances that keep away from the same nodes. */
const ofTroubled = (
  one: WaitingClass,
  group: readonly { entry: QueueEntry; instance: number; troubled: Troubled }[],
  now: number,
): WaitingClass => {
  const [first] = group;
  const byTask = Map.groupBy(group, ({ entry }) => entry);
  const pause = first && pauseOf(first.troubled, now);
  return {
    ...one,
    avoids: first?.troubled.nodes ?? new Set(),
    ...(pause ? { pause } : {}),
    entries: [...byTask].map(([entry, all]) => ({
      ...entry,
      waiting: fromNumbers(all.map(({ instance }) => instance).sort((a, b) => a - b)),
    })),
  };
};
