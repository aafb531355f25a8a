import { Inject, Injectable } from '@nestjs/common';
import { delay, RecurringTrouble } from '@fornax/base';
import type { WireTask } from '@fornax/contracts';
import { CORE_CONFIG, LOGGER, type CoreConfig } from '@fornax/service-kit';
import type { TaskStatus } from '../model/task-status.js';

/** The end of what an instance printed to standard error; `isOver` when nothing will be added to it. */
export type ReadTail = (
  task: TaskStatus,
  instance: number,
) => Promise<{ readonly text: string; readonly isOver: boolean }>;

/** What this needs of a logger. */
interface TailLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

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
  /** What is being read now: whoever asks meanwhile waits for the same. */
  private readonly reading = new Map<string, Promise<string>>();
  private readonly patienceMs: number;

  private readonly trouble: RecurringTrouble;

  constructor(
    @Inject(CORE_CONFIG) { readYourWritesTimeoutMs }: Pick<CoreConfig, 'readYourWritesTimeoutMs'>,
    @Inject(LOGGER) logger: TailLog,
  ) {
    this.patienceMs = readYourWritesTimeoutMs;
    this.trouble = new RecurringTrouble({
      failed: (err, more) =>
        logger.warn(
          { err, more },
          'the end of what a failed instance printed cannot be read: its error is shown without',
        ),
      over: (more) => logger.info({ more }, 'what failed instances printed can be read again'),
    });
  }

  readBy(readTail: ReadTail): void {
    this.readTail = readTail;
  }

  /**
   * Tails of instances, of the first 20 named. Output that cannot be read now is left out: a task is shown also while its output is on its way, behind
   * that of somebody who prints a lot, say.
   */
  async of(task: TaskStatus, instances: readonly number[]): Promise<ReadonlyMap<number, string>> {
    const wanted = [...new Set(instances)].slice(0, MOST_TAILS);
    const answered = new AbortController();
    const late = delay(this.patienceMs, answered.signal).then(() => '');
    const tails = wanted.map(
      async (instance) => [instance, await Promise.race([this.tail(task, instance), late])] as const,
    );
    try {
      return new Map(await Promise.all(tails));
    } finally {
      answered.abort();
    }
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
    const known = this.kept.get(key) ?? this.reading.get(key);
    if (known !== undefined) return known;
    const reading = this.read(key, task, instance).finally(() => this.reading.delete(key));
    this.reading.set(key, reading);
    return reading;
  }

  private async read(key: string, task: TaskStatus, instance: number): Promise<string> {
    try {
      const { text, isOver } = await this.readTail(task, instance);
      this.trouble.succeeded();
      if (isOver) this.keep(key, text);
      return text;
    } catch (error) {
      // A task is shown all the same; whoever asks again has it read again.
      this.trouble.failed(error);
      return '';
    }
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
