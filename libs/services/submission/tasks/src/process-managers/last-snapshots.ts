import { Inject, Injectable } from '@nestjs/common';
import { RpcClient, RpcRefused, Unavailable, type Logger } from '@fornax/base';
import { RPC, stopSnapshotsReplySchema, type StopSnapshotsReply } from '@fornax/contracts';
import { stopsAt, type LastSnapshot, type StoppingHold } from '@fornax/domain';
import { AccountDirectory } from '@fornax/identity';
import { LOGGER } from '@fornax/service-kit';
import { TASKS_CONFIG, type TasksConfig } from '../config/tasks-config.js';
import { WaitsSince } from './waits-since.js';

const MOST_TIMEOUT_MS = 10_000;
const LEAST_TIMEOUT_MS = 200;
/** Until whoever did not answer is asked again. */
const AGAIN_MS = 2_000;

/** Asks for the snapshots that tasks get before they are stopped, and how these stand. */
@Injectable()
export class LastSnapshots {
  private readonly since = new WaitsSince();
  private readonly timeoutMs: number;
  private readonly graceMs: number;

  constructor(
    private readonly rpc: RpcClient,
    @Inject(TASKS_CONFIG) { stopGraceMs }: TasksConfig,
    @Inject(LOGGER) private readonly logger: Logger,
    accounts: AccountDirectory,
  ) {
    accounts.onChange(() => this.since.keepOnly(accounts.stoppingHolds()));
    this.graceMs = stopGraceMs;
    // Whoever does not answer is asked again before the time is over.
    this.timeoutMs = Math.max(LEAST_TIMEOUT_MS, Math.min(MOST_TIMEOUT_MS, stopGraceMs / 3));
  }

  /**
   * Asks for what was not asked for yet; safe to repeat.
   * @param taskIds MOST_STOPS at most
   * @param now milliseconds since the epoch
   * @returns milliseconds until each of them may be cancelled, or until it is worth asking again; 0 or less: it may be now
   */
  async waits(taskIds: readonly string[], hold: StoppingHold, now: () => number): Promise<readonly number[]> {
    const snapshots = await this.of(taskIds, hold, now());
    const at = now();
    return taskIds.map((id) => {
      const snapshot = snapshots.get(id) ?? { status: 'none' };
      const inMs = stopsAt(hold.at, snapshot, this.graceMs) - at;
      return snapshot.status === 'unanswered' && inMs > 0 ? Math.min(inMs, AGAIN_MS) : inMs;
    });
  }

  private async of(
    taskIds: readonly string[],
    hold: StoppingHold,
    now: number,
  ): Promise<ReadonlyMap<string, LastSnapshot>> {
    const { snapshots } = await this.ask(taskIds, hold);
    const told = new Map(snapshots.map(({ taskId, ...snapshot }) => [taskId, snapshot]));
    return new Map(taskIds.map((id) => [id, this.since.note(hold, id, told.get(id), now)]));
  }

  private async ask(taskIds: readonly string[], { spendingId: id, at }: StoppingHold): Promise<StopSnapshotsReply> {
    const request = { taskIds, stop: { id, at } };
    try {
      return await this.rpc.request(RPC.stopSnapshots, request, stopSnapshotsReplySchema, this.timeoutMs);
    } catch (error) {
      if (!(error instanceof Unavailable || error instanceof RpcRefused)) throw error;
      this.logger.warn({ err: error, tasks: taskIds.length }, 'tasks that a budget stops have no snapshot yet');
      return { snapshots: [] };
    }
  }
}
