import type { PoolEvent } from '../pool/pool.events.js';
import type { DispatchedLease } from '../task/task.events.js';
import type { AuditedCommit, AuditFinding } from './log-audit.js';

/** A slot that is leased, and whether it is ready. */
interface Leased {
  readonly slot: number;
  readonly attempt: number;
  readonly node: string;
  readonly nodeEpoch: number;
  readonly from: number;
  isReady: boolean;
}

interface AuditedPool {
  readonly open: Map<string, Leased>;
  /** Leases that were ready and have ended: what was placed in one at that moment fails on its node, and is right. */
  readonly wereReady: Set<string>;
}

export interface OpenSlot {
  readonly poolId: string;
  readonly instance: number;
  readonly attempt: number;
  readonly node: string;
  readonly nodeEpoch: number;
  readonly from: number;
}

/** Follows the slots of pools through the log. It holds the pools that there are, with the leases of their slots. */
export class SlotAudit {
  private readonly pools = new Map<string, AuditedPool>();

  /** Folds a commit of a pool. */
  fold({ aggregateId: poolId, events, sequence }: AuditedCommit): readonly AuditFinding[] {
    // The aggregate's name makes these a pool's events.
    return (events as readonly PoolEvent[]).flatMap((event) => this.follow(poolId, event, sequence));
  }

  /** An instance of a task was dispatched into a slot of its pool. */
  placed(
    { taskId, poolUuid }: { readonly taskId: string; readonly poolUuid: string | undefined },
    { instance, attempt, inSlot }: DispatchedLease,
    sequence: number,
  ): readonly AuditFinding[] {
    if (inSlot === undefined && poolUuid === undefined) return [];
    const pool = poolUuid === undefined ? undefined : this.pools.get(poolUuid);
    const isRight =
      inSlot !== undefined && (pool?.open.get(inSlot)?.isReady === true || pool?.wereReady.has(inSlot) === true);
    if (isRight) return [];
    const detail = `attempt ${attempt} was dispatched into slot ${inSlot ?? 'none'}, which was not ready in pool ${poolUuid ?? 'none'}`;
    return [{ kind: 'ran outside its slot', taskId, instance, detail, sequences: [sequence] }];
  }

  /** Slots that are leased at the end of the log. */
  *open(): Generator<OpenSlot, void, undefined> {
    for (const [poolId, { open }] of this.pools)
      for (const { slot, attempt, node, nodeEpoch, from } of open.values())
        yield { poolId, instance: slot, attempt, node, nodeEpoch, from };
  }

  private follow(poolId: string, event: PoolEvent, sequence: number): readonly AuditFinding[] {
    if (event.type === 'PoolCreated') this.pools.set(poolId, { open: new Map(), wereReady: new Set() });
    const pool = this.pools.get(poolId);
    if (!pool) return event.type === 'SlotsDispatched' ? lateOf(poolId, event.leases, sequence) : [];
    switch (event.type) {
      case 'SlotsDispatched':
        return event.leases.flatMap((lease) => lend(pool, poolId, lease, sequence));
      case 'SlotsReady':
        for (const { leaseId } of event.leases) {
          const leased = pool.open.get(leaseId);
          if (leased) leased.isReady = true;
        }
        return [];
      case 'SlotsEnded':
        return event.attempts.flatMap(({ leaseId, instance, attempt }): readonly AuditFinding[] => {
          const leased = pool.open.get(leaseId);
          pool.open.delete(leaseId);
          if (leased?.isReady === true) pool.wereReady.add(leaseId);
          const detail = `attempt ${attempt} of a slot ends and was not leased`;
          return leased
            ? []
            : [{ kind: 'billed for nothing', taskId: poolId, instance, detail, sequences: [sequence] }];
        });
      case 'PoolClosed':
      case 'PoolDeleted': {
        const left = [...pool.open.values()].map(({ slot, attempt, from }): AuditFinding => ({
          kind: 'forgotten',
          taskId: poolId,
          instance: slot,
          detail: `attempt ${attempt} of a slot was leased when its pool ended`,
          sequences: [from, sequence],
        }));
        if (event.type === 'PoolDeleted') this.pools.delete(poolId);
        return left;
      }
      default:
        return [];
    }
  }
}

const lend = (pool: AuditedPool, poolId: string, lease: DispatchedLease, sequence: number): readonly AuditFinding[] => {
  const { instance, leaseId, attempt, node, nodeEpoch } = lease;
  const others = [...pool.open].filter(([id, { slot }]) => slot === instance || id === leaseId);
  pool.open.set(leaseId, { slot: instance, attempt, node, nodeEpoch, from: sequence, isReady: false });
  return others.map(([, other]) => ({
    kind: 'ran twice at once',
    taskId: poolId,
    instance,
    detail: `attempt ${attempt} of a slot on ${node} was leased while attempt ${other.attempt} on ${other.node} was`,
    sequences: [other.from, sequence],
  }));
};

const lateOf = (poolId: string, leases: readonly DispatchedLease[], sequence: number): readonly AuditFinding[] =>
  leases.map(({ instance, attempt }) => ({
    kind: 'ran after its end',
    taskId: poolId,
    instance,
    detail: `attempt ${attempt} of a slot was leased, and the pool is deleted or was never created`,
    sequences: [sequence],
  }));
