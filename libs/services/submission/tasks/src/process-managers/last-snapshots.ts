import { Inject, Injectable } from '@nestjs/common';
import { RpcClient, RpcRefused, Unavailable, type Logger } from '@fornax/base';
import { RPC, stopSnapshotsReplySchema } from '@fornax/contracts';
import type { LastSnapshot, StoppingHold } from '@fornax/domain';
import { LOGGER } from '@fornax/service-kit';
import { TASKS_CONFIG, type TasksConfig } from '../config/tasks-config.js';

const MOST_TIMEOUT_MS = 10_000;
const LEAST_TIMEOUT_MS = 200;

/** Asks for the snapshots that tasks get before they are stopped, and how these stand. */
@Injectable()
export class LastSnapshots {
  /** When the first of the questions was asked that nobody has answered since, by what stops the tasks. */
  private readonly unanswered = new Map<string, number>();
  private readonly timeoutMs: number;

  constructor(
    private readonly rpc: RpcClient,
    @Inject(TASKS_CONFIG) { stopGraceMs }: TasksConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    // Whoever does not answer is asked again before the time is over.
    this.timeoutMs = Math.max(LEAST_TIMEOUT_MS, Math.min(MOST_TIMEOUT_MS, stopGraceMs / 3));
  }

  /** By task; safe to repeat. @param taskIds MOST_STOPS at most @param now milliseconds since the epoch */
  async of(
    taskIds: readonly string[],
    { spendingId: id, at }: StoppingHold,
    now: number,
  ): Promise<ReadonlyMap<string, LastSnapshot>> {
    const key = `${id} ${at}`;
    const request = { taskIds, stop: { id, at } };
    try {
      const reply = await this.rpc.request(RPC.stopSnapshots, request, stopSnapshotsReplySchema, this.timeoutMs);
      this.unanswered.delete(key);
      return new Map(reply.snapshots.map(({ taskId, ...snapshot }) => [taskId, snapshot]));
    } catch (error) {
      if (!(error instanceof Unavailable || error instanceof RpcRefused)) throw error;
      const askedAt = this.unanswered.get(key) ?? now;
      this.unanswered.set(key, askedAt);
      this.logger.warn({ err: error, tasks: taskIds.length }, 'tasks that a budget stops have no snapshot yet');
      return new Map(taskIds.map((taskId) => [taskId, { status: 'unanswered', askedAt }]));
    }
  }
}
