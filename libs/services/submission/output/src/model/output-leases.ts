import { Inject, Injectable } from '@nestjs/common';
import type { FornaxEvent, RecordedCommit } from '@fornax/contracts';
import { CLOCK, LOGGER } from '@fornax/service-kit';
import { DroppedMessages, type Clock } from '@fornax/base';
import { TaskLeases } from '@fornax/tasks';
import { chunkOf, type ArrivedChunk } from './arrived-chunk.js';
import type { LogMessage } from '../stream/log-feed.js';
import { UnknownLeases } from './unknown-leases.js';

/** Whose output a lease may bring, which never changes; and when it was over. */
interface OutputLease {
  readonly instance: number;
  readonly attempt: number;
  readonly node: string;
  readonly overAt: number | undefined;
}

interface Claim {
  readonly message: LogMessage;
  readonly chunk: ArrivedChunk;
}

interface WarningLog {
  warn(fields: object, message: string): void;
}

/** About 200 bytes each. What falls out is looked up again. */
const MAX_LEASES = 50_000;
/** An agent has stored all output before it reports the end, so this is for clocks that differ. */
const LATE_MS = 60_000;

/** Lets the oldest fall out. */
const bounded = (leases: Map<string, unknown>): void => {
  for (const oldest of leases.keys()) {
    if (leases.size <= MAX_LEASES) return;
    leases.delete(oldest);
  }
};

const claimed = ({ chunk }: Claim): ArrivedChunk => chunk;
type End = Extract<FornaxEvent, { readonly type: 'InstancesConcluded' | 'InstancesRequeued' | 'SlotsEnded' }>;
const isEnd = (event: FornaxEvent): event is End =>
  event.type === 'InstancesConcluded' || event.type === 'InstancesRequeued' || event.type === 'SlotsEnded';
const keyOf = (taskId: string, leaseId: string): string => `${taskId}\n${leaseId}`;

/**
 * Lets output in that comes from the node of its lease, about the instance and attempt of its lease, and no longer than the lease lives. Leases come
 * from the log as it grows; those of before this process started are read from the rows of the status, once. A lease that neither knows is one
 * whose dispatch has not been seen yet: the rows are waited for, then it is refused.
 */
@Injectable()
export class OutputLeases {
  /** By task and lease, oldest first. */
  private readonly known = new Map<string, OutputLease>();
  /** When those were over whose dispatch this process has not seen: the rows that it learns them from may have been read before. */
  private readonly ends = new Map<string, number>();
  private readonly unknown: UnknownLeases;
  private readonly dropped: DroppedMessages<'unreadable' | 'wrong-node' | 'wrong-lease' | 'unknown-lease' | 'late'>;

  constructor(
    private readonly tasks: TaskLeases,
    @Inject(LOGGER) logger: WarningLog,
    @Inject(CLOCK) clock: Clock,
  ) {
    this.unknown = new UnknownLeases(() => clock.now());
    this.dropped = new DroppedMessages('output', logger);
  }

  /** Told of every commit of a task or pool. */
  fold({ aggregateId, events, at }: RecordedCommit): void {
    for (const event of events) {
      if (event.type === 'InstancesDispatched' || event.type === 'SlotsDispatched') {
        for (const lease of event.leases) this.learn(aggregateId, lease.leaseId, lease);
      } else if (isEnd(event)) {
        for (const { leaseId } of event.attempts) {
          const key = keyOf(aggregateId, leaseId);
          const lease = this.known.get(key);
          if (lease) this.known.set(key, { ...lease, overAt: at });
          else bounded(this.ends.set(key, at));
        }
      }
    }
  }

  /** What of the messages is output, in their order. @throws Error the rows are too far behind to tell: the same batch again, later */
  async admit(messages: readonly LogMessage[]): Promise<readonly ArrivedChunk[]> {
    const claims = messages.flatMap((message) => this.read(message));
    await this.learnFromRows(this.unknown.worthAsking(claims.filter((claim) => !this.leaseOf(claim)).map(claimed)));
    // A node that names leases in a loop that nobody has is not waited for: the others' output would wait with its.
    const unknown = this.unknown.worthWaiting(claims.filter((claim) => !this.leaseOf(claim)).map(claimed));
    if (unknown.length > 0) {
      if (!(await this.tasks.caughtUp()))
        throw new Error('the status of tasks and pools is behind: whose output this is cannot be told');
      await this.learnFromRows(unknown);
      for (const chunk of unknown) if (!this.known.has(keyOf(chunk.taskId, chunk.leaseId))) this.unknown.note(chunk);
    }
    return claims.filter((claim) => this.isAllowed(claim)).map(({ chunk }) => chunk);
  }

  private read(message: LogMessage): readonly Claim[] {
    const chunk = chunkOf(message);
    if (chunk === undefined) this.dropped.refuse('unreadable', { subject: message.subject });
    return chunk === undefined || chunk.data.length === 0 ? [] : [{ message, chunk }];
  }

  private leaseOf({ chunk: { taskId, leaseId } }: Claim): OutputLease | undefined {
    return this.known.get(keyOf(taskId, leaseId));
  }

  private isAllowed(claim: Claim): boolean {
    const { taskId, instance, attempt, leaseId, nodeId } = claim.chunk;
    const lease = this.leaseOf(claim);
    const about = { node: nodeId, taskId, instance, attempt };
    // Also what a node still had to say about a task that has been deleted.
    if (!lease) this.dropped.refuse('unknown-lease', about);
    else if (nodeId !== undefined && lease.node !== nodeId) this.dropped.refuse('wrong-node', about);
    else if (lease.instance !== instance || lease.attempt !== attempt)
      this.dropped.refuse('wrong-lease', { ...about, leaseId });
    else if (Number(claim.message.sentNs / 1_000_000n) > (lease.overAt ?? Infinity) + LATE_MS)
      this.dropped.passOver('late');
    else return true;
    return false;
  }

  private learn(
    taskId: string,
    leaseId: string,
    { instance, attempt, node }: Omit<OutputLease, 'overAt'>,
    overAt?: number,
  ): void {
    const key = keyOf(taskId, leaseId);
    bounded(this.known.set(key, { instance, attempt, node, overAt: overAt ?? this.ends.get(key) }));
    this.ends.delete(key);
    this.unknown.forget(node, taskId, leaseId);
  }

  /** Those of the claimed leases that are in flight, and those that ended the instances in question. */
  private async learnFromRows(claims: readonly ArrivedChunk[]): Promise<void> {
    if (claims.length === 0) return;
    const leases = await this.tasks.inFlight(
      [...new Set(claims.map(({ taskId }) => taskId))],
      [...new Set(claims.map(({ leaseId }) => leaseId))],
    );
    for (const { taskId, leaseId, ...lease } of leases) this.learn(taskId, leaseId, lease);
    const ended = claims.filter(({ taskId, leaseId }) => !this.known.has(keyOf(taskId, leaseId)));
    if (ended.length === 0) return;
    const attempts = await this.tasks.ended(ended);
    const byInstance = new Map(attempts.map((each) => [`${each.instance}/${each.taskId}`, each]));
    for (const chunk of ended) {
      const over = byInstance.get(`${chunk.instance}/${chunk.taskId}`);
      // The rows do not keep the lease of what is over: its node and attempt say as much.
      if (over?.attempt === chunk.attempt && (chunk.nodeId === undefined || over.node === chunk.nodeId))
        this.learn(chunk.taskId, chunk.leaseId, over, over.overAt);
    }
  }
}
