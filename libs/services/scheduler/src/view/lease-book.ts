import type { NodeHardwareFacts, SchedulingPlan } from '@fornax/domain';

/** One lease that occupies room on a node, from the decision to dispatch it until its attempt has ended. */
export interface TrackedLease {
  readonly leaseId: string;
  readonly taskId: string;
  readonly owner: string;
  readonly plan: SchedulingPlan;
  readonly instance: number;
  readonly attempt: number;
  readonly node: string;
  readonly nodeEpoch: number;
  readonly cores: number;
  readonly memoryMB: number;
  /** Room for files that it was promised; absent: none. */
  readonly diskMB?: number;
  /** The lease of the pool's slot whose room it takes; absent: it has room of its own. */
  readonly inSlot?: string;
  /** It is a slot of a pool: `taskId` is the pool's id. */
  readonly isSlot?: true;
  /** When it was made, by the monotonic clock of the leader that made it; absent when that was another leader. */
  readonly heldSince?: number;
  /** The hardware of the node when the lease was made: what billing rates, even if the node comes back with another. */
  readonly hardware: NodeHardwareFacts;
}

/** What is occupied, on a node or by an owner. */
export interface Usage {
  readonly instances: number;
  readonly cores: number;
  readonly memoryMB: number;
  readonly diskMB: number;
}

/** What one owner occupies in one plan. */
export interface PlanUsage {
  readonly owner: string;
  readonly plan: SchedulingPlan;
  readonly usage: Usage;
}

const nothing: Usage = { instances: 0, cores: 0, memoryMB: 0, diskMB: 0 };

const shift = (usage: Usage, lease: TrackedLease, sign: 1 | -1): Usage => ({
  instances: usage.instances + sign,
  cores: usage.cores + sign * lease.cores,
  memoryMB: usage.memoryMB + sign * lease.memoryMB,
  diskMB: usage.diskMB + sign * (lease.diskMB ?? 0),
});

/** Every lease by its id, with the sums that planning needs. Adding or removing a lease twice changes nothing. */
export class LeaseBook {
  private readonly leases = new Map<string, TrackedLease>();
  private readonly nodes = new Map<string, Map<string, TrackedLease>>();
  private readonly nodeUsage = new Map<string, Usage>();
  private readonly ownerUsage = new Map<string, Usage>();
  private readonly planUsage = new Map<string, PlanUsage>();

  /** Leases in slots of pools, by the lease of the slot. */
  private readonly inSlots = new Map<string, number>();

  /** How many slots each pool has, by owner. */
  private readonly slots = new Map<string, Map<string, number>>();

  get size(): number {
    return this.leases.size;
  }

  get(leaseId: string): TrackedLease | undefined {
    return this.leases.get(leaseId);
  }

  add(lease: TrackedLease): void {
    if (this.leases.has(lease.leaseId)) return;
    this.leases.set(lease.leaseId, lease);
    const onNode = this.nodes.get(lease.node);
    if (onNode) onNode.set(lease.leaseId, lease);
    else this.nodes.set(lease.node, new Map([[lease.leaseId, lease]]));
    this.move(lease, 1);
  }

  remove(leaseId: string): boolean {
    const lease = this.leases.get(leaseId);
    if (!lease) return false;
    this.leases.delete(leaseId);
    this.nodes.get(lease.node)?.delete(leaseId);
    this.move(lease, -1);
    return true;
  }

  all(): Iterable<TrackedLease> {
    return this.leases.values();
  }

  onNode(node: string): Iterable<TrackedLease> {
    return this.nodes.get(node)?.values() ?? [];
  }

  usageOfNode(node: string): Usage {
    return this.nodeUsage.get(node) ?? nothing;
  }

  /** How many instances run in a slot of a pool. */
  runningIn(slotLeaseId: string): number {
    return this.inSlots.get(slotLeaseId) ?? 0;
  }

  hasSlots(owner: string, poolId: string): boolean {
    return this.slots.get(owner)?.has(poolId) ?? false;
  }

  /** How many pools of an owner have slots. */
  poolsWithSlots(owner: string): number {
    return this.slots.get(owner)?.size ?? 0;
  }

  usageOfOwners(): ReadonlyMap<string, Usage> {
    return this.ownerUsage;
  }

  /** One item for each owner and plan that occupies something. */
  usageByPlan(): Iterable<PlanUsage> {
    return this.planUsage.values();
  }

  private move(lease: TrackedLease, sign: 1 | -1): void {
    const { inSlot } = lease;
    if (inSlot !== undefined) {
      // Its room is the slot's, which is counted where that stands.
      const running = this.runningIn(inSlot) + sign;
      if (running === 0) this.inSlots.delete(inSlot);
      else this.inSlots.set(inSlot, running);
      return;
    }
    this.nodeUsage.set(lease.node, shift(this.usageOfNode(lease.node), lease, sign));
    const usage = shift(this.ownerUsage.get(lease.owner) ?? nothing, lease, sign);
    if (usage.instances === 0) this.ownerUsage.delete(lease.owner);
    else this.ownerUsage.set(lease.owner, usage);
    this.movePlan(lease, sign);
    if (lease.isSlot === true) this.moveSlot(lease, sign);
  }

  private moveSlot({ owner, taskId }: TrackedLease, sign: 1 | -1): void {
    const pools = this.slots.get(owner) ?? new Map<string, number>();
    const count = (pools.get(taskId) ?? 0) + sign;
    if (count === 0) pools.delete(taskId);
    else pools.set(taskId, count);
    if (pools.size === 0) this.slots.delete(owner);
    else this.slots.set(owner, pools);
  }

  private movePlan(lease: TrackedLease, sign: 1 | -1): void {
    const { owner, plan } = lease;
    const key = `${plan} ${owner}`;
    const usage = shift(this.planUsage.get(key)?.usage ?? nothing, lease, sign);
    if (usage.instances === 0) this.planUsage.delete(key);
    else this.planUsage.set(key, { owner, plan, usage });
  }
}
