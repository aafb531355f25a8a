import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import {
  allSnapshotReportsSubject,
  isSnapshotReportSubject,
  MAX_REPORTS,
  NODE_MESSAGES,
  parseSnapshotReportSubject,
  snapshotReportSchema,
  STREAMS,
  type SnapshotReport,
} from '@fornax/contracts';
import { consumeBatches, Quarantine, reasonOf, takeAgain, type KeptMessage } from '@fornax/event-store';
import type { SnapshotPart } from '@fornax/domain';
import { HealthRegistry, LOGGER, NATS } from '@fornax/service-kit';
import { DroppedMessages, parseMessage, refusalOf } from '@fornax/base';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import type { Logger } from './logger.js';
import type { NatsConnection } from './nats-connection.js';
import { readStatuses } from '../projections/snapshot-rows.js';
import { SnapshotCommands, type PartCommand } from '../commands/snapshot-commands.js';

/** Durable consumer of the reports stream, shared by all replicas. */
export const REPORTS_CONSUMER = 'snapshot';

const bodySchema = z.union([
  snapshotReportSchema.transform((report) => [report]),
  z.array(snapshotReportSchema).max(MAX_REPORTS),
]);
const MAX_BATCH = 200;
/** Snapshots that neither memory nor the rows know, of one node in one batch: each is a read of the log. The rows are behind for a moment at most. */
const MAX_UNKNOWN = 20;

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
  private running: Promise<unknown> = Promise.resolve();
  private readonly dropped: DroppedMessages<
    'unreadable' | 'too-large' | 'wrong-node' | 'unknown-lease' | 'unknown-snapshot' | 'late'
  >;

  constructor(
    @Inject(NATS) private readonly nats: NatsConnection,
    @InjectDataSource('snapshot') private readonly db: DataSource,
    @Inject(LOGGER) private readonly logger: Logger,
    private readonly commands: SnapshotCommands,
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
    const reports = await this.onOpenSnapshots(readable);
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

  /** Without what is about snapshots that are over, or that nobody knows: one message has room for a thousand ids that a node made up. */
  private async onOpenSnapshots(reports: readonly NodeReport[]): Promise<readonly NodeReport[]> {
    // What no row can hold would fail the statement, and the batch would come back for ever.
    const ids = reports.map(({ report }) => report.snapshotId).filter((id) => !id.includes('\0'));
    const statuses = await readStatuses(
      this.db,
      [...new Set(ids)].filter((id) => !this.commands.holds(id)),
    );
    const unknownOf = new Map<string, Set<string>>();
    return reports.filter(({ node, report: { snapshotId } }) => {
      if (this.commands.holds(snapshotId)) return true;
      const status = statuses.get(snapshotId);
      if (status === 'success' || status === 'failure') {
        this.dropped.passOver('late');
        return false;
      }
      if (status !== undefined) return true;
      const unknown = unknownOf.get(node) ?? new Set();
      unknownOf.set(node, unknown);
      if (unknown.size < MAX_UNKNOWN && !snapshotId.includes('\0')) unknown.add(snapshotId);
      if (unknown.has(snapshotId)) return true;
      this.dropped.refuse('unknown-snapshot', { node, snapshotId });
      return false;
    });
  }

  private isOwn({ node, report }: NodeReport, parts: readonly SnapshotPart[]): boolean {
    const { snapshotId, leaseId } = report;
    const part = parts.find((each) => each.leaseId === leaseId);
    if (part?.node === node) return true;
    this.dropped.refuse(part ? 'wrong-node' : 'unknown-lease', { node, snapshotId, leaseId });
    return false;
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
