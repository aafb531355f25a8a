import { Injectable } from '@nestjs/common';
import type { WireTask } from '@fornax/contracts';
import type { TaskStatus } from '../model/task-status.js';

/** The end of what an instance printed to standard error; `isOver` when nothing will be added to it. */
export type ReadTail = (
  task: TaskStatus,
  instance: number,
) => Promise<{ readonly text: string; readonly isOver: boolean }>;

const MOST_TAILS = 20;
const MOST_KEPT = 5_000;
const nobodyReads: ReadTail = () => Promise.resolve({ text: '', isOver: false });

/**
 * Fills in `debug` of errors: the end of what failed instances printed. It belongs to the output, which is deleted with its task, so no event and no row
 * of a task holds it. Whoever keeps the output says how it is read.
 */
@Injectable()
export class ErrorTails {
  private readTail: ReadTail = nobodyReads;
  private readonly kept = new Map<string, string>();

  readBy(readTail: ReadTail): void {
    this.readTail = readTail;
  }

  /** Tails of instances, of the first 20 named; output that cannot be read now is left out. */
  async of(task: TaskStatus, instances: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const wanted = [...new Set(instances)].slice(0, MOST_TAILS);
    return new Map(
      await Promise.all(wanted.map(async (instance) => [instance, await this.tail(task, instance)] as const)),
    );
  }

  /** The task with the tails of its failed instances. */
  async fillIn(task: TaskStatus, answer: WireTask): Promise<WireTask> {
    const failed = answer.completedInstances.filter(({ error }) => error?.debug === '');
    const ofErrors = task.errors.flatMap(({ instance }) => (instance === undefined ? [] : [instance]));
    if (failed.length === 0 && ofErrors.length === 0) return answer;
    const tails = await this.of(task, [...ofErrors, ...failed.map(({ instanceId }) => instanceId)]);
    return {
      ...answer,
      errors: answer.errors.map((error, at) => withTail(error, tails.get(task.errors[at]?.instance ?? -1))),
      completedInstances: answer.completedInstances.map((ended) =>
        ended.error ? { ...ended, error: withTail(ended.error, tails.get(ended.instanceId)) } : ended,
      ),
    };
  }

  private async tail(task: TaskStatus, instance: number): Promise<string> {
    const key = `${task.taskId}/${instance}/${task.fold.attempts.countOf(instance)}`;
    const known = this.kept.get(key);
    if (known !== undefined) return known;
    const { text, isOver } = await this.readTail(task, instance).catch(() => ({ text: '', isOver: false }));
    if (isOver) this.keep(key, text);
    return text;
  }

  private keep(key: string, text: string): void {
    this.kept.set(key, text);
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= MOST_KEPT) break;
      this.kept.delete(oldest);
    }
  }
}

/** Errors of older events have a tail of their own. */
export const withTail = <E extends { readonly debug: string }>(error: E, tail = ''): E =>
  error.debug === '' ? { ...error, debug: tail } : error;
