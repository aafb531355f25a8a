import { Injectable } from '@nestjs/common';

/** One wait for news. */
export interface News {
  /** Resolves at the first news after `next` was called. */
  readonly come: Promise<void>;
  /** Nobody waits any more. */
  readonly forget: () => void;
}

/** Tells those who follow the output of a task that something may have changed: output has come in, or the task has ended. */
@Injectable()
export class OutputSignals {
  private readonly waiting = new Map<string, Set<() => void>>();

  /** Call it before looking: what changes between the look and the wait is then not missed. */
  next(taskId: string): News {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiters = this.waiting.get(taskId) ?? new Set();
    this.waiting.set(taskId, waiters.add(resolve));
    const forget = (): void => {
      waiters.delete(resolve);
      if (waiters.size === 0 && this.waiting.get(taskId) === waiters) this.waiting.delete(taskId);
    };
    return { come: promise, forget };
  }

  isFollowed(taskId: string): boolean {
    return this.waiting.has(taskId);
  }

  wake(taskIds: readonly string[]): void {
    if (this.waiting.size === 0) return;
    for (const taskId of new Set(taskIds)) {
      const waiters = this.waiting.get(taskId);
      this.waiting.delete(taskId);
      waiters?.forEach((resolve) => resolve());
    }
  }
}
