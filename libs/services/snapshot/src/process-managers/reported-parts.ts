import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { SnapshotReport } from '@fornax/contracts';
import type { SnapshotPart } from '@fornax/domain';
import { DroppedMessages } from '@fornax/base';
import { LOGGER } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { SnapshotCommands, type PartCommand } from '../commands/snapshot-commands.js';
import { readStatuses } from '../projections/snapshot-rows.js';
import type { Logger } from './logger.js';

/** Snapshots that neither memory nor the rows know, of one node in one batch: each is a read of the log. The rows are behind for a moment at most. */
const MAX_UNKNOWN = 20;

/** A report and the node whose subject it came on, which NATS permissions prove. */
export interface NodeReport {
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
      return {
        type: 'RecordPartUploaded',
        leaseId,
        files: report.files,
        bytes: report.bytes,
        ...(report.notes ? { notes: report.notes } : {}),
        ...(report.manifest === undefined ? {} : { manifest: report.manifest }),
        ...(report.sentBytes === undefined ? {} : { sentBytes: report.sentBytes }),
      };
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

/** Folds what nodes report about their parts into the log: one commit for each snapshot of a batch. */
@Injectable()
export class ReportedParts {
  private readonly dropped: DroppedMessages<'wrong-node' | 'unknown-lease' | 'unknown-snapshot' | 'late'>;

  constructor(
    @InjectDataSource('snapshot') private readonly db: DataSource,
    @Inject(LOGGER) logger: Logger,
    private readonly commands: SnapshotCommands,
  ) {
    this.dropped = new DroppedMessages('snapshot-reports', logger);
  }

  /** Records what these reports say, without what is late, of another node's part, or of a snapshot that nobody knows. */
  async record(all: readonly NodeReport[]): Promise<void> {
    const reports = await this.onOpenSnapshots(all);
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
      if (status !== undefined && status !== 'triggered' && status !== 'inProgress') {
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

  private isOwn({ node, report }: NodeReport, parts: ReadonlyMap<string, SnapshotPart>): boolean {
    const { snapshotId, leaseId } = report;
    const part = parts.get(leaseId);
    if (part?.node === node) return true;
    this.dropped.refuse(part ? 'wrong-node' : 'unknown-lease', { node, snapshotId, leaseId });
    return false;
  }
}
