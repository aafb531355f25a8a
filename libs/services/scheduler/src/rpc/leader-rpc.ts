import {
  RPC,
  grantRequestSchema,
  leaseStatusRequestSchema,
  nodeRpcPattern,
  parseNodeRpcSubject,
  placementsRequestSchema,
  type PlacementsRequest,
  secretRightsRequestSchema,
  waitingReplySchema,
  waitingRequestSchema,
  type InstanceRow,
  type LeaseClaims,
  type PlacementsReply,
  type WaitingReply,
} from '@fornax/contracts';
import { sizeOf } from '@fornax/domain';
import { withCurrentKey, type KeptConstantKey } from './constant-key-reader.js';
import type { Resumed, ResumedInstance } from './restore-reader.js';
import { grantLease, isCurrentLease, secretRightsOf, type SecretOpener } from '../leader/grants.js';
import type { Leadership } from '../leader/leadership.js';
import type { Logger } from '../ports/logger.js';
import type { SchedulerView } from '../view/scheduler-view.js';
import type { NatsConnection } from './nats-connection.js';
import { overviewReplySchema, type OverviewReply } from './schemas.js';
import { serve } from './serve.js';
import { SCHEDULER_RPC } from './subjects.js';

export interface LeaderRpcOptions {
  readonly nc: NatsConnection;
  /** For what nodes ask. */
  readonly nodesNats: NatsConnection;
  readonly leadership: Leadership;
  /** What an instance begins with. Rejects when nobody can tell now. */
  readonly constantKeyOf: (taskId: string, wrappedKey: string | undefined) => Promise<KeptConstantKey>;
  readonly restoreOf: (resumed: ResumedInstance) => Promise<Resumed>;
  /** What the table of a task says of one instance; null: it is lost. Rejects when nobody can tell now. */
  readonly rowOf: (table: {
    readonly taskId: string;
    readonly digest: string;
    readonly instance: number;
  }) => Promise<InstanceRow | null>;
  readonly secrets: SecretOpener;
  readonly sign: (claims: LeaseClaims) => {
    readonly accessKey: string;
    readonly secretKey: string;
    readonly sessionToken: string;
  };
  readonly now: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const runningPlacements = (view: SchedulerView, { taskId, instance: one }: PlacementsRequest): PlacementsReply => {
  const inFlight = view.task(taskId)?.state.inFlight;
  const asked = one === undefined ? [...(inFlight ?? [])] : [[one, inFlight?.get(one)] as const];
  return {
    running: asked.flatMap(([instance, lease]) => {
      if (lease?.phase !== 'executing') return [];
      const { leaseId, node, startedAt = lease.dispatchedAt } = lease;
      return [{ instance, leaseId, node, startedAt }];
    }),
  };
};

const waitingOf = ({ view, reasons }: Leadership, taskId: string): WaitingReply => {
  const entry = view.task(taskId);
  if (!entry) return { known: false };
  const { owner, waiting, lastReason } = entry.state;
  const now = reasons.of(taskId);
  return {
    known: true,
    taskId,
    owner,
    waiting: sizeOf(waiting),
    reason: now?.reason ?? (view.queue.has(taskId) ? lastReason : null),
    detail: now?.detail ?? null,
    waitingSince: entry.waitingSince ?? null,
  };
};

const overviewOf = (view: SchedulerView): OverviewReply => ({
  unfinishedTasks: view.taskCount(),
  queuedTasks: view.queue.size,
  waitingInstances: view.queue.waitingInstances,
  leases: view.leases.size,
  nodes: [...view.allNodes()].map(([id, { state }]) => {
    const used = view.leases.usageOfNode(id);
    const { mostMB } = view.rooms.of(id, state.epoch, state.hardware.diskMB, used.diskMB);
    return {
      id,
      status: state.status,
      cores: state.hardware.cores,
      usedCores: used.cores,
      memoryMB: state.hardware.memoryMB,
      usedMemoryMB: used.memoryMB,
      ...(mostMB === undefined ? {} : { diskMB: mostMB }),
      promisedDiskMB: used.diskMB,
      leases: used.instances,
    };
  }),
});

/** Ends the term when a replica asks for it, also while its view is still being loaded. */
export const answerBeginAnew = (nc: NatsConnection, end: () => void, logger: Logger, signal: AbortSignal): void =>
  serve(
    nc,
    SCHEDULER_RPC.beginAnew,
    () => {
      logger.info({}, 'the rows were folded again: this term ends, and the next one begins with them');
      // The answer goes out first.
      setImmediate(end);
      return {};
    },
    logger,
    signal,
  );

/** Answers what only the leader knows, until its term is over. */
export const serveLeader = ({
  nc,
  nodesNats,
  leadership,
  rowOf,
  constantKeyOf,
  restoreOf,
  secrets,
  sign,
  now,
  logger,
  signal,
}: LeaderRpcOptions): void => {
  const { view } = leadership;
  /** A lease that is not known may have been made by a predecessor a moment ago: the log tells. */
  const settled = async (taskId: string, instance: number, leaseId: string): Promise<void> => {
    if (!isCurrentLease(view.task(taskId), instance, leaseId)) await leadership.catchUp();
  };
  serve(
    nc,
    RPC.placements,
    (payload) => runningPlacements(view, placementsRequestSchema.parse(payload)),
    logger,
    signal,
  );
  serve(
    nc,
    RPC.leaseStatus,
    async (payload) => {
      const { taskId, instance, leaseId } = leaseStatusRequestSchema.parse(payload);
      await settled(taskId, instance, leaseId);
      return { current: isCurrentLease(view.task(taskId), instance, leaseId) };
    },
    logger,
    signal,
  );
  serve(
    nc,
    RPC.secretRights,
    async (payload) => {
      const request = secretRightsRequestSchema.parse(payload);
      await settled(request.taskId, request.instance, request.leaseId);
      return secretRightsOf(view, request);
    },
    logger,
    signal,
  );
  serve(
    nodesNats,
    nodeRpcPattern('grant'),
    async (payload, subject) => {
      const request = grantRequestSchema.parse(payload);
      await settled(request.taskId, request.instance, request.leaseId);
      const { taskId, instance } = request;
      const digest = view.task(taskId)?.state.spec.table?.digest;
      const row = digest === undefined ? {} : await rowOf({ taskId, digest, instance });
      const spec = view.task(taskId)?.state.spec;
      const restore = spec && (await restoreOf({ taskId, instance, spec }));
      // Last: nothing may change between the key and the constants that it opens.
      return withCurrentKey(
        () => view.task(taskId)?.state.spec.wrappedKey,
        async (wrappedKey) => {
          const kept = await constantKeyOf(taskId, wrappedKey);
          // It goes once the log has other constants, which this process may not have read yet.
          if (kept === null) await leadership.catchUp();
          return kept;
        },
        (keptKey) =>
          grantLease(view, parseNodeRpcSubject(subject), request, {
            secrets,
            sign,
            now: now(),
            row,
            restore,
            keptKey,
          }),
      );
    },
    logger,
    signal,
  );
  serve(
    nc,
    RPC.waiting,
    (payload) => waitingReplySchema.parse(waitingOf(leadership, waitingRequestSchema.parse(payload).taskId)),
    logger,
    signal,
  );
  serve(nc, SCHEDULER_RPC.overview, () => overviewReplySchema.parse(overviewOf(view)), logger, signal);
};
