import { randomUUID } from 'node:crypto';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';

import { delay } from '@fornax/base';
import { type NodeReport, reportSubject } from '@fornax/contracts';
import type { DurablePublisher } from '@fornax/event-store';

const MAX_BATCH = 500;
const RETRY_MS = 500;
/** How long reports gather where nobody's core stands idle for them. What reads them looks no more often. */
const GATHER_MS = 100;
/** How long an exit waits for the end of its lease, which follows at once where nothing is left to be stored. */
const EXIT_MS = 20;

interface Waiting {
  readonly nodeEpoch: number;
  readonly report: NodeReport;
  /** When it came, by a monotonic clock. */
  readonly at: number;
}

export interface ReporterParts {
  readonly publisher: Pick<DurablePublisher, 'publish'>;
  readonly nodeId: string;
  readonly onError: (error: unknown) => void;
  /** Whether reports may wait for others: the node has work for a while, whenever the platform hears of what it has done. */
  readonly mayGather?: () => boolean;
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number;
  /** Calls `then` after so many milliseconds, unless what it returns was called. */
  readonly after?: (ms: number, then: () => void) => () => void;
}

const afterMs = (ms: number, then: () => void): (() => void) => {
  const timer = setTimeout(then, ms);
  return () => clearTimeout(timer);
};

/**
 * Reports on their way to the scheduler: one publish at a time, in order, repeated until it is stored; what is reported meanwhile
 * goes out together in the next. Each message costs the platform a commit for each task that it is about, so those of a busy node gather a little.
 */
export class Reporter {
  #queue: Waiting[] = [];
  #sending: Promise<void> | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;
  #isFlushing = false;
  #closed = false;
  /** What waits is to be looked at again. */
  #look: (() => void) | undefined;
  readonly #now: () => number;

  constructor(private readonly parts: ReporterParts) {
    this.#now = parts.now ?? ((): number => performance.now());
  }

  report(nodeEpoch: number, report: NodeReport): void {
    this.#queue.push({ nodeEpoch, report, at: this.#now() });
    this.#look?.();
    this.#sending ??= this.#drain();
  }

  /** The node lost its epoch: nobody wants these any more. */
  dropAll(): void {
    this.#queue = [];
    this.#look?.();
  }

  /** Resolves when everything is stored. Nothing waits for others from now on. */
  async flush(): Promise<void> {
    this.#isFlushing = true;
    this.#look?.();
    while (this.#sending) await this.#sending;
  }

  close(): void {
    this.#closed = true;
    this.dropAll();
  }

  async #drain(): Promise<void> {
    try {
      // What belongs to one batch of orders or one exit goes out as one message.
      await turnOfTheLoop();
      while (this.#queue.length > 0 && !this.#closed) {
        const waitMs = this.#waitMs();
        if (waitMs > 0) await this.#pause(waitMs);
        else await this.#sendNext();
      }
    } finally {
      // In the same moment as the last look at the queue: what comes a microtask later would wait for the report after it, which may never come.
      this.#sending = undefined;
    }
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const look = (): void => resolve(undefined);
    this.#look = look;
    const cancel = (this.parts.after ?? afterMs)(ms, look);
    await promise;
    cancel();
    this.#look = undefined;
  }

  /** How long what is there may wait for more. */
  #waitMs(): number {
    const [oldest] = this.#queue;
    if (this.#isFlushing || !oldest) return 0;
    const now = this.#now();
    const isExit = this.#queue.every(({ report }) => report.kind === 'exited');
    const gatherMs = this.parts.mayGather?.() === true ? this.#sentAt + GATHER_MS - now : 0;
    return Math.max(gatherMs, isExit ? oldest.at + EXIT_MS - now : 0);
  }

  async #sendNext(): Promise<void> {
    const { nodeEpoch = 0 } = this.#queue[0] ?? {};
    const end = this.#queue.findIndex((waiting) => waiting.nodeEpoch !== nodeEpoch);
    const batch = this.#queue.splice(0, Math.min(MAX_BATCH, end === -1 ? this.#queue.length : end));
    this.#sentAt = this.#now();
    const { nodeId } = this.parts;
    await this.#store(Buffer.from(JSON.stringify({ nodeId, nodeEpoch, reports: batch.map(({ report }) => report) })));
  }

  async #store(data: Uint8Array): Promise<void> {
    const { publisher, nodeId, onError } = this.parts;
    const msgId = randomUUID();
    while (!this.#closed) {
      try {
        await publisher.publish(reportSubject(nodeId), data, { msgId });
        return;
      } catch (error) {
        onError(error);
        await delay(RETRY_MS, undefined, { ref: false });
      }
    }
  }
}
