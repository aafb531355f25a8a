import { Controller } from '@nestjs/common';
import { Ctx, NatsContext, Payload } from '@nestjs/microservices';
import { derivedId, Invalid } from '@fornax/base';
import { nodeRpcPattern, parseNodeRpcSubject, stateSavedRequestSchema, type StateSavedReply } from '@fornax/contracts';
import { parseInput, RpcHandler } from '@fornax/service-kit';
import { Placements } from '../commands/placements.js';
import { SnapshotOnce } from '../commands/snapshot-once.js';
import { configOf, snapshotIdOf } from '../commands/snapshot-of-task.js';

/** Of many instances, any number may end in one second. */
const UNIQUE_CHARS = 12;

const refused = (reason: string): StateSavedReply => ({ triggered: false, reason });

/** Triggers the snapshot of an instance whose program ended, and says that its state is saved. */
@Controller()
export class StateSavedController {
  constructor(
    private readonly placements: Placements,
    private readonly snapshots: SnapshotOnce,
  ) {}

  /** @throws Unavailable scheduler or log do not answer: the same number may be told again */
  @RpcHandler(nodeRpcPattern('state-saved'))
  async trigger(@Payload() payload: unknown, @Ctx() context: NatsContext): Promise<StateSavedReply> {
    const { leaseId, taskId, instance, number, exitCode, at } = parseInput(stateSavedRequestSchema, payload);
    const node = parseNodeRpcSubject(context.getSubject());
    // The first proof: nobody learns here of tasks that do not run on his node.
    const parts = (await this.placements.running(taskId)).filter(
      (part) => part.leaseId === leaseId && part.instance === instance && part.node === node,
    );
    if (parts.length === 0) return refused('the instance does not run on this node');
    await this.snapshots.isUpToDate();
    const task = (await this.snapshots.tasks([taskId])).get(taskId);
    if (!task) return refused('the task is not known');
    const snapshotId = snapshotIdOf(taskId, at, derivedId('state-saved', leaseId, String(number)), UNIQUE_CHARS);
    const { owner } = task;
    const who = { actor: `node:${node}`, onBehalfOf: `user:${owner}`, correlationId: snapshotId } as const;
    try {
      await this.snapshots.trigger({ snapshotId, taskId, owner, config: configOf({}, task), parts, exitCode }, who);
    } catch (error) {
      if (error instanceof Invalid) return refused(error.message);
      throw error;
    }
    return { triggered: true, snapshotId };
  }
}
