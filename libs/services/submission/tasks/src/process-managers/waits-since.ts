import type { LastSnapshot, StoppingHold } from '@fornax/domain';

type Told = Exclude<LastSnapshot, { readonly status: 'unanswered' }>;

/** Remembers since when each task waits for its last snapshot, so that nobody who falls silent makes it begin to wait anew. */
export class WaitsSince {
  /** Milliseconds since the epoch, by what stops the tasks and by task. */
  private readonly byHold = new Map<string, Map<string, number>>();

  /** Tasks that wait. */
  get size(): number {
    return [...this.byHold.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** @param told undefined: nobody tells of this task @returns how its snapshot stands, as far as it is known here */
  note(hold: StoppingHold, taskId: string, told: Told | undefined, now: number): LastSnapshot {
    const tasks = this.byHold.get(keyOf(hold)) ?? new Map<string, number>();
    this.byHold.set(keyOf(hold), tasks);
    if (told === undefined) {
      const askedAt = tasks.get(taskId) ?? now;
      tasks.set(taskId, askedAt);
      return { status: 'unanswered', askedAt };
    }
    if (told.status === 'open') tasks.set(taskId, told.triggeredAt);
    else tasks.delete(taskId);
    return told;
  }

  /** Forgets what waited because of anything else than these. */
  keepOnly(holds: readonly StoppingHold[]): void {
    if (this.byHold.size === 0) return;
    const kept = new Set(holds.map(keyOf));
    for (const key of this.byHold.keys()) if (!kept.has(key)) this.byHold.delete(key);
  }
}

const keyOf = ({ spendingId, at }: StoppingHold): string => `${spendingId} ${at}`;
