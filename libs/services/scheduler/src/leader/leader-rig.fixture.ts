import {
  dispatchMessageSchema,
  type Commit,
  type DispatchOrder,
  type HeldLease,
  type LeaseOrder,
  type NodeReport,
} from '@fornax/contracts';
import { taskDecider, type TaskEvent, type TaskState } from '@fornax/domain';
import { InMemoryLog, type EventLog } from '@fornax/event-store';
import { aCommit, eventually } from '@fornax/testing';
import { afterEach } from '@jest/globals';
import type { Logger } from '../ports/logger.js';
import type { LeaseList } from '../view/lease-watch.js';
import { Leadership, type LeadershipPorts } from './leadership.js';
import type { ReportMessage } from './report-intake.js';

export const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** A log, and around it a leader with its nodes, all in memory. Publishing may be made to fail, as if the process died before it. */
export class Rig {
  readonly orders: { node: string; order: DispatchOrder }[] = [];
  readonly messages: string[] = [];
  publishes = true;
  now = 10_000;
  /** What the time of day was set forward (or back) by. */
  step = 0;
  private readonly stop = new AbortController();
  private ids = 0;
  private lists: ((list: LeaseList) => void) | undefined;
  private handle: ((messages: readonly ReportMessage[]) => Promise<void>) | undefined;
  private running: Promise<unknown> = Promise.resolve();
  leadership: Leadership | undefined;

  constructor(
    readonly log: EventLog = new InMemoryLog(),
    private readonly name = 'a',
  ) {}

  async lead(epoch = 1): Promise<this> {
    this.leadership = await Leadership.begin(this.ports(), epoch, this.stop.signal);
    this.running = this.leadership.run();
    await eventually(() => this.handle !== undefined);
    return this;
  }

  async end(): Promise<void> {
    this.stop.abort();
    await this.running;
  }

  append(
    aggregate: 'task' | 'node' | 'pool' | 'account' | 'spending',
    id: string,
    expected: number,
    ...events: readonly Commit['events'][number][]
  ): Promise<number> {
    return this.log.append(aggregate, id, aCommit(`${this.name}-${(this.ids += 1)}-${id}`, events), expected);
  }

  async taskEvents(id: string): Promise<readonly TaskEvent[]> {
    return (await this.log.readAggregate('task', id)).flatMap(({ events }) => events as readonly TaskEvent[]);
  }

  async typesOf(id: string): Promise<readonly string[]> {
    return (await this.taskEvents(id)).map(({ type }) => type);
  }

  async stateOf(id: string): Promise<TaskState> {
    return (await this.taskEvents(id)).reduce(taskDecider.evolve, taskDecider.initial);
  }

  leases(): readonly LeaseOrder[] {
    return this.orders.flatMap(({ order }) => (order.kind === 'lease' ? [order] : []));
  }

  async report(node: string, nodeEpoch: number, ...reports: readonly NodeReport[]): Promise<void> {
    this.now = Math.max(this.now, 12_000);
    await this.handle?.([
      { subject: `fx.report.${node}`, data: Buffer.from(JSON.stringify({ nodeId: node, nodeEpoch, reports })) },
    ]);
  }

  /** The node lists what it holds, often enough and for long enough to be asked about the rest. */
  list(node: string, nodeEpoch: number, ...held: readonly HeldLease[]): void {
    for (let lists = 0; lists < 3; lists += 1) {
      this.lists?.({ node, nodeEpoch, held });
      this.now += 15_000;
    }
    this.lists?.({ node, nodeEpoch, held });
  }

  /** Whatever waits because its node failed it has waited for long enough. */
  passPauses(): void {
    this.now += 20_000;
    this.leadership?.rounds.wake();
  }

  /** The node lists that it holds nothing, and says what room its disk has. */
  listRoom(node: string, nodeEpoch: number, diskMB: number): void {
    this.lists?.({ node, nodeEpoch, held: [], diskMB });
  }

  private ports(): LeadershipPorts {
    return {
      leaseLimits: { missingMs: 30_000, stuckMs: 600_000 },
      hearLists: (handle) => {
        this.lists = handle;
      },
      log: this.log,
      checkpoint: { load: () => Promise.resolve(undefined) },
      publish: (subject, data, msgId) => {
        if (!this.publishes) return new Promise(() => undefined);
        this.messages.push(msgId);
        for (const order of dispatchMessageSchema.parse(JSON.parse(new TextDecoder().decode(data)))) {
          this.orders.push({ node: subject.replace('fx.dispatch.', ''), order });
        }
        return Promise.resolve();
      },
      consumeReports: (handle, signal) => {
        this.handle = handle;
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      },
      onSuperseded: () => this.stop.abort(),
      now: () => this.now + this.step,
      elapsed: () => this.now,
      newId: () => `${this.name}-id-${(this.ids += 1)}`,
      logger: silent,
      inSpan: (_name, parent, work) => work(parent),
    };
  }
}

/** How a report names its lease. */
export const about = ({ leaseId, taskId, instance }: LeaseOrder) => ({ leaseId, taskId, instance });
export const startedReport = (order: LeaseOrder): NodeReport => ({
  kind: 'started',
  ...about(order),
  startedAt: 11_000,
});
export const endedReport = (
  order: LeaseOrder,
  overrides: Partial<Extract<NodeReport, { kind: 'ended' }>> = {},
): NodeReport => ({
  kind: 'ended',
  ...about(order),
  outcome: 'success',
  exitCode: 0,
  startedAt: 11_000,
  endedAt: 12_000,
  uploadedFiles: 0,
  uploadedBytes: 0,
  ...overrides,
});

const rigs: Rig[] = [];
/** A rig that ends with its test. */
export const rig = (log?: EventLog, name?: string): Rig => {
  const made = new Rig(log, name);
  rigs.push(made);
  return made;
};

afterEach(async () => {
  await Promise.all(rigs.splice(0).map((made) => made.end()));
});
