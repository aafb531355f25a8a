import { Controller, Inject } from '@nestjs/common';
import type { Clock } from '@fornax/base';
import { RPC, stopSnapshotsRequestSchema, type StopSnapshotsReply } from '@fornax/contracts';
import { CLOCK, parseInput, RpcHandler } from '@fornax/service-kit';
import { StopSnapshots } from '../commands/stop-snapshots.js';

/** Gives tasks their last snapshot for whoever stops them. */
@Controller()
export class StopSnapshotsController {
  constructor(
    private readonly snapshots: StopSnapshots,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws Unavailable the rows are behind the log: it may be asked again */
  @RpcHandler(RPC.stopSnapshots)
  async answer(payload: unknown): Promise<StopSnapshotsReply> {
    const { taskIds, stop } = parseInput(stopSnapshotsRequestSchema, payload);
    return { snapshots: [...(await this.snapshots.of(taskIds, stop, this.clock.now()))] };
  }
}
