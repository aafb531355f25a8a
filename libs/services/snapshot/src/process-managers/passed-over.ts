import { backoffMs } from '@fornax/base';
import { nextDue, type Period } from '@fornax/domain';

/** Until something of the task has started. */
const FOR_NOW = Number.POSITIVE_INFINITY;
/** More than the pause after a look that failed: the next one comes to other tasks. */
const WAIT_MS = { firstMs: 10_000, longestMs: 60_000, spread: 0.25 } as const;
const MOST = 10_000;

interface Passed {
  readonly period: Period;
  readonly until: number;
  /** In a row, of what a server did not answer. */
  readonly failures: number;
}

/** Remembers of which tasks no snapshot can be taken for now, so that the others need not wait for them. Times are in milliseconds. */
export class PassedOver {
  private readonly tasks = new Map<string, Passed>();

  /** Those that are passed over at an instant. */
  at(now: number): readonly string[] {
    return [...this.tasks].flatMap(([taskId, { until }]) => (until > now ? [taskId] : []));
  }

  /** When the first of them is looked at again; Infinity: not by itself. */
  soonest(now: number): number {
    let soonest = Number.POSITIVE_INFINITY;
    for (const { until } of this.tasks.values()) if (until > now) soonest = Math.min(soonest, until);
    return soonest;
  }

  forget(taskId: string): void {
    this.tasks.delete(taskId);
  }

  /** Nothing of it runs. */
  untilStarted(taskId: string, period: Period): void {
    this.add(taskId, { period, until: FOR_NOW, failures: 0 });
  }

  /** Something of it has started. @returns whether it was waited for */
  started(taskId: string, now: number): boolean {
    const passed = this.tasks.get(taskId);
    if (passed?.until !== FOR_NOW) return false;
    this.untilNextDue(taskId, passed.period, now);
    return true;
  }

  /** The one that is due cannot be taken, however often it is tried. */
  untilNextDue(taskId: string, period: Period, now: number): void {
    this.add(taskId, { period, until: nextDue(period, now), failures: 0 });
  }

  /** Somebody did not answer: it is tried again soon, and less often the longer that lasts. */
  forAWhile(taskId: string, period: Period, now: number): void {
    const failures = (this.tasks.get(taskId)?.failures ?? 0) + 1;
    this.add(taskId, { period, until: now + backoffMs(failures, WAIT_MS), failures });
  }

  private add(taskId: string, passed: Passed): void {
    this.tasks.delete(taskId);
    this.tasks.set(taskId, passed);
    const [oldest] = this.tasks.keys();
    if (this.tasks.size > MOST && oldest !== undefined) this.tasks.delete(oldest);
  }
}
