import { Controller } from '@nestjs/common';
import { planSnapshotsRequestSchema, RPC } from '@fornax/contracts';
import { Unauthorized } from '@fornax/base';
import { AccountDirectory } from '@fornax/identity';
import { parseInput, RpcHandler } from '@fornax/service-kit';
import { ChangeTask } from '../commands/change-task.handler.js';

/** Plans periodic snapshots for a user who has asked the snapshot service: what users want of a task is decided where its other wishes are. */
@Controller()
export class PlanSnapshotsController {
  constructor(
    private readonly tasks: ChangeTask,
    private readonly accounts: AccountDirectory,
  ) {}

  @RpcHandler(RPC.planSnapshots)
  async answer(payload: unknown): Promise<Record<string, never>> {
    const { taskId, accountId, plan, ...asked } = parseInput(planSnapshotsRequestSchema, payload);
    const account = this.accounts.byId(accountId);
    if (!account) throw new Unauthorized();
    await this.tasks.planSnapshots(taskId, plan, {
      ...asked,
      account,
      idempotencyKey: undefined,
      wasBegunBefore: false,
    });
    return {};
  }
}
