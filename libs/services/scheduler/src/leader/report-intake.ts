import {
  MAX_REPORTS,
  NODE_MESSAGES,
  nodeReportSchema,
  nodeReportsSchema,
  parseReportSubject,
  type NodeReport,
  type NodeReports,
} from '@fornax/contracts';
import { DroppedMessages, parseMessage, refusalOf } from '@fornax/base';
import { AggregateStopped, reasonOf } from '@fornax/event-store';
import { z } from 'zod';
import type { TaskWriter } from '../deciding/task-writer.js';
import type { Logger } from '../ports/logger.js';
import type { SchedulerView } from '../view/scheduler-view.js';

export interface ReportIntakeOptions {
  readonly view: SchedulerView;
  readonly writer: TaskWriter;
  /** Resolves when the view has folded everything that the log holds now. */
  readonly catchUp: () => Promise<void>;
  readonly logger: Logger;
  /** Keeps a message that cannot be read, before it is acknowledged. */
  readonly keep?: (message: ReportMessage, reason: string) => Promise<void>;
}

export interface ReportMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Place in the stream of reports. */
  readonly sequence?: number;
}

/** Messages that are kept of one node in a term: enough to see what is wrong, and no node takes the room of what others leave. */
const MOST_KEPT_OF_NODE = 20;
/** The reports of one message are read one by one: one that cannot be read takes none of the others with it. */
const envelopeSchema = nodeReportsSchema.extend({ reports: z.array(z.unknown()).max(MAX_REPORTS) });

/** Why messages of a batch cannot be read: one is kept once, however many of its reports that goes for. */
type Unreadable = Map<ReportMessage, string>;

/**
 * Reports of one batch of messages, brought to the tasks they are about. Which node speaks is what the subject says, for NATS permissions prove
 * that; it is heard about leases that are its own, of its current session, and about nothing else.
 */
export class ReportIntake {
  private readonly dropped: DroppedMessages<'unreadable' | 'too-large' | 'wrong-node' | 'wrong-lease' | 'late'>;

  private readonly keptOf = new Map<string, number>();

  constructor(private readonly options: ReportIntakeOptions) {
    this.dropped = new DroppedMessages('reports', options.logger);
  }

  /** Resolves when everything that matters in the batch is in the log; the messages may be acknowledged then. Safe to repeat. */
  async take(messages: readonly ReportMessage[]): Promise<void> {
    const unreadable: Unreadable = new Map();
    const batches = messages.flatMap((message) => this.parse(message, unreadable) ?? []);
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
    await Promise.all([...byTask].map(([taskId, reports]) => this.record(taskId, reports)));
    await this.keepUnreadable(unreadable);
  }

  private async keepUnreadable(unreadable: Unreadable): Promise<void> {
    for (const [message, reason] of unreadable) {
      const kept = this.keptOf.get(message.subject) ?? 0;
      if (kept >= MOST_KEPT_OF_NODE) continue;
      await this.options.keep?.(message, reason);
      this.keptOf.set(message.subject, kept + 1);
    }
  }

  /** A task that has stopped takes nothing. The others' reports do not wait for it: its node is asked again, and says again how it ended. */
  private async record(taskId: string, reports: readonly NodeReport[]): Promise<void> {
    try {
      await this.options.writer.record(taskId, reports);
    } catch (error) {
      if (!(error instanceof AggregateStopped)) throw error;
      this.options.logger.warn(
        { taskId, reports: reports.length, err: error },
        'reports on a task that is stopped were left',
      );
    }
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

  private parse(message: ReportMessage, unreadable: Unreadable): NodeReports | undefined {
    const { subject, data } = message;
    const node = parseReportSubject(subject);
    try {
      const { reports, ...envelope } = envelopeSchema.parse(parseMessage(data, NODE_MESSAGES.reports));
      if (envelope.nodeId !== node) {
        this.dropped.refuse('wrong-node', { subject, claimed: envelope.nodeId });
        return undefined;
      }
      return { ...envelope, reports: reports.flatMap((report) => this.parseReport(report, message, unreadable)) };
    } catch (error) {
      this.dropped.refuse(refusalOf(error), { subject, err: error });
      unreadable.set(message, reasonOf(error));
      return undefined;
    }
  }

  private parseReport(report: unknown, message: ReportMessage, unreadable: Unreadable): readonly NodeReport[] {
    const { data, error } = nodeReportSchema.safeParse(report);
    if (data) return [data];
    this.dropped.refuse('unreadable', { subject: message.subject, err: error });
    unreadable.set(message, reasonOf(error));
    return [];
  }
}
