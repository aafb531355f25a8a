import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import {
  allSnapshotReportsSubject,
  MAX_REPORTS,
  NODE_MESSAGES,
  parseSnapshotReportSubject,
  snapshotReportSchema,
  STREAMS,
  type SnapshotReport,
} from '@fornax/contracts';
import { consumeBatches, type DurableMessage } from '@fornax/event-store';
import type { SnapshotPart } from '@fornax/domain';
import { DroppedMessages, HealthRegistry, LOGGER, NATS, parseMessage, refusalOf } from '@fornax/service-kit';
import { z } from 'zod';
import type { Logger } from '../logger.js';
import type { NatsConnection } from '../nats-connection.js';
import { SnapshotCommands, type PartCommand } from './snapshot-commands.js';

/** Durable consumer of the reports stream, shared by all replicas. */
export const REPORTS_CONSUMER = 'snapshot';

const bodySchema = z.union([
  snapshotReportSchema.transform((report) => [report]),
  z.array(snapshotReportSchema).max(MAX_REPORTS),
]);
const MAX_BATCH = 200;

/** A report and the node whose subject it came on, which NATS permissions prove. */
interface NodeReport {
  readonly node: string;
  readonly report: SnapshotReport;
}

const commandOf = (report: SnapshotReport): PartCommand => {
  const { leaseId } = report;
  switch (report.kind) {
    case 'progress':
      return {
        type: 'RecordProgress',
        leaseId,
        sizeToUploadBytes: report.sizeToUploadBytes,
        transferredBytes: report.transferredBytes,
      };
    case 'uploaded':
      return { type: 'RecordPartUploaded', leaseId, files: report.files, bytes: report.bytes };
    case 'failed':
      return { type: 'RecordPartFailed', leaseId, reason: report.reason };
  }
};

/** Of several progress reports of one part in a batch only the last one says anything. */
const withoutOutdated = (reports: readonly NodeReport[]): readonly NodeReport[] => {
  const last = new Map(reports.map((each, index) => [`${each.report.kind}/${each.report.leaseId}`, index]));
  return reports.filter(
    ({ report }, index) => report.kind !== 'progress' || last.get(`progress/${report.leaseId}`) === index,
  );
};

/** Folds what nodes report about their parts into the log: one commit for each snapshot of a batch, acknowledged afterwards. */
@Injectable()
export class SnapshotReports implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stop = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private readonly dropped: DroppedMessages<'unreadable' | 'too-large' | 'wrong-node' | 'unknown-lease'>;

  constructor(
    @Inject(NATS) private readonly nats: NatsConnection,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly commands: SnapshotCommands,
    private readonly health: HealthRegistry,
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
    this.running = consumeBatches(this.nats, options, (messages) => this.record(messages));
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  private async record(messages: readonly DurableMessage[]): Promise<void> {
    const reports = messages.flatMap((message) => this.read(message));
    for (const [snapshotId, group] of Map.groupBy(reports, ({ report }) => report.snapshotId)) {
      const { parts } = await this.commands.load(snapshotId);
      // A node speaks for its own parts only. First of all: what another node says may not outdate it.
      const own = withoutOutdated(group.filter((each) => this.isOwn(each, parts)));
      const [first] = own;
      if (first)
        await this.commands.record(
          snapshotId,
          own.map(({ report }) => commandOf(report)),
          `node:${first.node}`,
        );
    }
  }

  private isOwn({ node, report }: NodeReport, parts: readonly SnapshotPart[]): boolean {
    const { snapshotId, leaseId } = report;
    const part = parts.find((each) => each.leaseId === leaseId);
    if (part?.node === node) return true;
    this.dropped.refuse(part ? 'wrong-node' : 'unknown-lease', { node, snapshotId, leaseId });
    return false;
  }

  /** What cannot be read now can never be read: it is told and dropped, or it would come back for ever. */
  private read({ subject, data }: DurableMessage): readonly NodeReport[] {
    try {
      const node = parseSnapshotReportSubject(subject);
      return bodySchema.parse(parseMessage(data, NODE_MESSAGES.snapshotReports)).map((report) => ({ node, report }));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.dropped.refuse(refusalOf(error), { subject, error: reason });
      return [];
    }
  }
}
