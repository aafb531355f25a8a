import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  allSnapshotReportsSubject,
  isSnapshotReportSubject,
  MAX_REPORTS,
  NODE_MESSAGES,
  parseSnapshotReportSubject,
  snapshotReportSchema,
  STREAMS,
} from '@fornax/contracts';
import { consumeBatches, Quarantine, reasonOf, takeAgain, type KeptMessage } from '@fornax/event-store';
import { HealthRegistry, LOGGER, NATS } from '@fornax/service-kit';
import { DroppedMessages, parseMessage, refusalOf } from '@fornax/base';
import { z } from 'zod';
import type { Logger } from './logger.js';
import type { NatsConnection } from './nats-connection.js';
import { ReportedParts, type NodeReport } from './reported-parts.js';

/** Durable consumer of the reports stream, shared by all replicas. */
export const REPORTS_CONSUMER = 'snapshot';

const bodySchema = z.union([
  snapshotReportSchema.transform((report) => [report]),
  z.array(snapshotReportSchema).max(MAX_REPORTS),
]);
const MAX_BATCH = 200;

/** Takes what nodes report about their parts, and acknowledges it once it is in the log. */
@Injectable()
export class SnapshotReports implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private running: Promise<unknown> = Promise.resolve();
  private readonly dropped: DroppedMessages<'unreadable' | 'too-large'>;

  constructor(
    @Inject(NATS) private readonly nats: NatsConnection,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly parts: ReportedParts,
    private readonly health: HealthRegistry,
    private readonly quarantine: Quarantine,
  ) {
    this.dropped = new DroppedMessages('snapshot-reports', logger);
  }

  onApplicationBootstrap(): void {
    const options = {
      stream: STREAMS.reports,
      durable: REPORTS_CONSUMER,
      filterSubject: allSnapshotReportsSubject,
      maxBatch: MAX_BATCH,
      signal: this.stop.signal,
      onState: this.health.follower('reports about snapshots'),
      onError: (error: unknown) =>
        this.logger.warn({ err: error }, 'snapshot reports could not be recorded, trying again'),
    };
    const kept = {
      stream: STREAMS.reports,
      isOwn: isSnapshotReportSubject,
      signal: this.stop.signal,
      onError: options.onError,
    };
    this.running = Promise.all([
      consumeBatches(this.nats, options, (messages) => this.record(messages)),
      takeAgain(this.quarantine, kept, (message) => this.record([message])),
    ]);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  private async record(messages: readonly KeptMessage[]): Promise<void> {
    const readable: NodeReport[] = [];
    for (const message of messages) {
      const read = readReports(message);
      if (read instanceof Error) await this.keep(message, read);
      else readable.push(...read);
    }
    await this.parts.record(readable);
  }

  /** For an operator, before it is acknowledged: or it would come back for ever. */
  private async keep({ subject, data, sequence }: KeptMessage, error: Error): Promise<void> {
    const reason = reasonOf(error);
    this.dropped.refuse(refusalOf(error), { subject, error: reason });
    const place = { stream: STREAMS.reports, sequence, subject, aggregate: null, aggregateId: null };
    await this.quarantine.keep({ ...place, reason, sizeBytes: data.length, headers: [] }, data);
  }
}

/** @returns why it cannot be read, if it cannot */
const readReports = ({ subject, data }: KeptMessage): readonly NodeReport[] | Error => {
  try {
    const node = parseSnapshotReportSubject(subject);
    return bodySchema.parse(parseMessage(data, NODE_MESSAGES.snapshotReports)).map((report) => ({ node, report }));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
};
