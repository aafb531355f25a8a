import { randomUUID } from 'node:crypto';

import { delay } from '@fornax/base';
import { type NodeReport, reportSubject } from '@fornax/contracts';
import type { DurablePublisher } from '@fornax/event-store';

const MAX_BATCH = 500;
const RETRY_MS = 500;

interface Waiting {
  readonly nodeEpoch: number;
  readonly report: NodeReport;
}

/**
 * Reports on their way to the scheduler: one publish at a time, in order, repeated until it is stored; what is reported meanwhile
 * goes out together in the next.
 */
export class Reporter {
  #queue: Waiting[] = [];
  #sending: Promise<void> | undefined;
  #closed = false;

  constructor(
    private readonly publisher: Pick<DurablePublisher, 'publish'>,
    private readonly nodeId: string,
    private readonly onError: (error: unknown) => void,
  ) {}

  report(nodeEpoch: number, report: NodeReport): void {
    this.#queue.push({ nodeEpoch, report });
    this.#sending ??= this.#drain().finally(() => (this.#sending = undefined));
  }

  /** The node lost its epoch: nobody wants these any more. */
  dropAll(): void {
    this.#queue = [];
  }

  /** Resolves when everything is stored. */
  async flush(): Promise<void> {
    while (this.#sending) await this.#sending;
  }

  close(): void {
    this.#closed = true;
    this.dropAll();
  }

  async #drain(): Promise<void> {
    // A turn of the loop, so that what belongs to one batch of orders or one exit goes out as one message.
    await delay(0);
    for (let first = this.#queue[0]; first !== undefined && !this.#closed; first = this.#queue[0]) {
      const { nodeEpoch } = first;
      const end = this.#queue.findIndex((waiting) => waiting.nodeEpoch !== nodeEpoch);
      const batch = this.#queue.splice(0, Math.min(MAX_BATCH, end === -1 ? this.#queue.length : end));
      await this.#store(
        Buffer.from(JSON.stringify({ nodeId: this.nodeId, nodeEpoch, reports: batch.map(({ report }) => report) })),
      );
    }
  }

  async #store(data: Uint8Array): Promise<void> {
    const msgId = randomUUID();
    while (!this.#closed) {
      try {
        await this.publisher.publish(reportSubject(this.nodeId), data, { msgId });
        return;
      } catch (error) {
        this.onError(error);
        await delay(RETRY_MS, undefined, { ref: false });
      }
    }
  }
}
