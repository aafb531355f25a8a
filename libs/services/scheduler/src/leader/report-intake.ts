import {
  nodeReportSchema,
  nodeReportsSchema,
  parseReportSubject,
  type NodeReport,
  type NodeReports,
} from '@fornax/contracts';
import { DroppedMessages } from '@fornax/service-kit';
import { z } from 'zod';
import type { TaskDesk } from '../desk/task-desk.js';
import type { Logger } from '../logger.js';
import type { SchedulerView } from '../view/scheduler-view.js';

export interface ReportIntakeOptions {
  readonly view: SchedulerView;
  readonly desk: TaskDesk;
  /** Resolves when the view has folded everything that the log holds now. */
  readonly catchUp: () => Promise<void>;
  readonly logger: Logger;
}

export interface ReportMessage {
  readonly subject: string;
  readonly data: Uint8Array;
}

const decoder = new TextDecoder();
/** The reports of one message are read one by one: one that cannot be read takes none of the others with it. */
const envelopeSchema = nodeReportsSchema.extend({ reports: z.array(z.unknown()) });

/**
 * Reports of one batch of messages, brought to the tasks they are about. Which node speaks is what the subject says, for NATS permissions prove
 * that; it is heard about leases that are its own, of its current session, and about nothing else.
 */
export class ReportIntake {
  private readonly dropped: DroppedMessages<'unreadable' | 'wrong-node' | 'wrong-lease' | 'late'>;

  constructor(private readonly options: ReportIntakeOptions) {
    this.dropped = new DroppedMessages('reports', options.logger);
  }

  /** Resolves when everything that matters in the batch is in the log; the messages may be acknowledged then. Safe to repeat. */
  async take(messages: readonly ReportMessage[]): Promise<void> {
    const batches = messages.flatMap((message) => this.parse(message) ?? []);
    // A report about a lease that is not known may be stale, or ahead of a dispatch that another leader has just appended: the log tells.
    if (batches.some(({ reports }) => reports.some(({ leaseId }) => !this.options.view.leases.get(leaseId)))) {
      await this.options.catchUp();
    }
    const byTask = new Map<string, NodeReport[]>();
    for (const batch of batches) {
      for (const report of batch.reports) {
        if (!this.isCurrent(batch, report)) continue;
        const reports = byTask.get(report.taskId);
        if (reports) reports.push(report);
        else byTask.set(report.taskId, [report]);
      }
    }
    await Promise.all([...byTask].map(([taskId, reports]) => this.options.desk.record(taskId, reports)));
  }

  private isCurrent({ nodeId, nodeEpoch }: NodeReports, { kind, leaseId, taskId, instance }: NodeReport): boolean {
    const lease = this.options.view.leases.get(leaseId);
    // The lease is over, or the node has joined anew since.
    if (!lease || (lease.node === nodeId && lease.nodeEpoch !== nodeEpoch)) {
      this.dropped.passOver('late');
      return false;
    }
    const isOwn = lease.node === nodeId && lease.taskId === taskId && lease.instance === instance;
    if (!isOwn) this.dropped.refuse('wrong-lease', { node: nodeId, kind, leaseId, taskId, instance });
    return isOwn;
  }

  private parse({ subject, data }: ReportMessage): NodeReports | undefined {
    const node = parseReportSubject(subject);
    try {
      const { reports, ...envelope } = envelopeSchema.parse(JSON.parse(decoder.decode(data)));
      if (envelope.nodeId !== node) {
        this.dropped.refuse('wrong-node', { subject, claimed: envelope.nodeId });
        return undefined;
      }
      return { ...envelope, reports: reports.flatMap((report) => this.parseReport(report, subject)) };
    } catch (error) {
      this.dropped.refuse('unreadable', { subject, err: error });
      return undefined;
    }
  }

  private parseReport(report: unknown, subject: string): readonly NodeReport[] {
    const { data, error } = nodeReportSchema.safeParse(report);
    if (data) return [data];
    this.dropped.refuse('unreadable', { subject, err: error });
    return [];
  }
}
