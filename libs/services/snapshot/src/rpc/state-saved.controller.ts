import { Controller, Inject } from '@nestjs/common';
import { Ctx, NatsContext, Payload } from '@nestjs/microservices';
import { derivedId, Invalid, type Clock } from '@fornax/base';
import { nodeRpcPattern, parseNodeRpcSubject, stateSavedRequestSchema, type StateSavedReply } from '@fornax/contracts';
import { mostSavedStates } from '@fornax/domain';
import { CLOCK, parseInput, RpcHandler } from '@fornax/service-kit';
import { Placements } from '../commands/placements.js';
import { SnapshotOnce } from '../commands/snapshot-once.js';
import { configOf, snapshotIdOf } from '../commands/snapshot-of-task.js';

/** Of many instances, any number may end in one second. */
const UNIQUE_CHARS = 12;

const refused = (reason: string): Extract<StateSavedReply, { triggered: false }> => ({ triggered: false, reason });

/** Triggers the snapshot of an instance whose program ended, and says that its state is saved. */
@Controller()
export class StateSavedController {
  constructor(
    private readonly placements: Placements,
    private readonly snapshots: SnapshotOnce,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws Unavailable scheduler or log do not answer: the same number may be told again */
  @RpcHandler(nodeRpcPattern('state-saved'))
  async trigger(@Payload() payload: unknown, @Ctx() context: NatsContext): Promise<StateSavedReply> {
    const { leaseId, taskId, instance, number, exitCode } = parseInput(stateSavedRequestSchema, payload);
    const node = parseNodeRpcSubject(context.getSubject());
    // The first proof: nobody learns here of tasks that do not run on his node.
    const placement = await this.placements.find(taskId, instance);
    if (placement?.leaseId !== leaseId || placement.node !== node)
      return refused('the instance does not run on this node');
    const { startedAt } = placement;
    if (number > mostSavedStates(this.clock.now() - startedAt))
      return refused('its node says that it saved its state more often than a program can in this time');
    await this.snapshots.isUpToDate();
    const task = (await this.snapshots.tasks([taskId])).get(taskId);
    if (!task) return refused('the task is not known');
    // Of what the log says alone: told twice, it is the same.
    const snapshotId = snapshotIdOf(taskId, startedAt, derivedId('state-saved', leaseId, String(number)), UNIQUE_CHARS);
    const { owner } = task;
    const who = { actor: `node:${node}`, onBehalfOf: `user:${owner}`, correlationId: snapshotId } as const;
    try {
      const parts = [{ instance, leaseId, node }];
      await this.snapshots.trigger({ snapshotId, taskId, owner, config: configOf({}, task), parts, exitCode }, who);
    } catch (error) {
      if (error instanceof Invalid) return { ...refused(error.message), isUsers: true };
      throw error;
    }
    return { triggered: true, snapshotId };
  }
}
