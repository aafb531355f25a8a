import { sizeOf, startableOf, type InstanceError } from '@fornax/domain';
import type { TaskEntry } from './task-entry.js';

interface WaitingTask {
  readonly taskId: string;
  readonly order: number;
  readonly instances: number;
}

/** Tasks that wait for room in pools, slots that have become free, and pools that something has happened to since they were last looked at. */
export class PoolBook {
  private readonly pools = new Set<string>();
  private readonly waiting = new Map<string, Map<string, WaitingTask>>();
  private readonly poolOf = new Map<string, string>();
  /** Why pools failed that are over, as long as tasks wait for them. */
  private readonly failures = new Map<string, InstanceError>();
  private readonly freedAt = new Map<string, number>();
  private readonly held = new Set<string>();
  private readonly changed = new Set<string>();

  /** Whether something has happened to a pool since they were last looked at. */
  get hasChanged(): boolean {
    return this.changed.size > 0;
  }

  /** Takes note of a task or pool as it is now. @param waits whether instances of it may be given room */
  keep({ taskId, pool, state, order }: TaskEntry, waits: boolean): void {
    const { poolUuid } = state.spec;
    if (pool) {
      this.pools.add(taskId);
      this.changed.add(taskId);
    } else if (poolUuid !== undefined) {
      if (waits) {
        const tasks = this.waiting.get(poolUuid) ?? new Map<string, WaitingTask>();
        tasks.set(taskId, { taskId, order, instances: sizeOf(startableOf(state)) });
        this.waiting.set(poolUuid, tasks);
        this.poolOf.set(taskId, poolUuid);
        this.changed.add(poolUuid);
      } else this.forget(taskId);
    }
  }

  /** A task or pool is over. @param failure what became of a pool that failed */
  forget(id: string, failure: InstanceError | null = null): void {
    if (this.pools.delete(id)) this.changed.add(id);
    if (failure && this.waiting.has(id)) this.failures.set(id, failure);
    const poolId = this.poolOf.get(id);
    if (poolId === undefined) return;
    this.poolOf.delete(id);
    const tasks = this.waiting.get(poolId);
    tasks?.delete(id);
    if (tasks?.size === 0) {
      this.waiting.delete(poolId);
      this.failures.delete(poolId);
    }
    this.changed.add(poolId);
  }

  /** Why a pool failed that is over. */
  failureOf(poolId: string): InstanceError | undefined {
    return this.failures.get(poolId);
  }

  /** An instance has left a slot. */
  left(poolId: string | undefined, slotLeaseId: string, at: number): void {
    this.freedAt.set(slotLeaseId, at);
    if (poolId !== undefined) this.changed.add(poolId);
  }

  /** A slot is no more. */
  slotEnded(slotLeaseId: string): void {
    this.freedAt.delete(slotLeaseId);
    this.held.delete(slotLeaseId);
  }

  freedSince(slotLeaseId: string): number | undefined {
    return this.freedAt.get(slotLeaseId);
  }

  /** Nothing is placed in these slots until they are let go of: it is being decided that they are closed. */
  hold(slotLeaseIds: readonly string[]): () => void {
    for (const id of slotLeaseIds) this.held.add(id);
    return () => {
      for (const id of slotLeaseIds) this.held.delete(id);
    };
  }

  isHeld(slotLeaseId: string): boolean {
    return this.held.has(slotLeaseId);
  }

  /** Pools that have tasks waiting. */
  wanted(): Iterable<string> {
    return this.waiting.keys();
  }

  /** Tasks that wait for a pool, those first that came first. */
  tasksOf(poolId: string): readonly WaitingTask[] {
    return [...(this.waiting.get(poolId)?.values() ?? [])].sort((a, b) => a.order - b.order);
  }

  /** Instances that wait for a pool. */
  waitingFor(poolId: string): number {
    let sum = 0;
    for (const { instances } of this.waiting.get(poolId)?.values() ?? []) sum += instances;
    return sum;
  }

  isWaiting(taskId: string): boolean {
    return this.poolOf.has(taskId);
  }

  /** All pools are to be looked at. */
  changeAll(): void {
    for (const id of [...this.pools, ...this.waiting.keys()]) this.changed.add(id);
  }

  change(poolId: string): void {
    this.changed.add(poolId);
  }

  takeChanged(): readonly string[] {
    const changed = [...this.changed];
    this.changed.clear();
    return changed;
  }
}
