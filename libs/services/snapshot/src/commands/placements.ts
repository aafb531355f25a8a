import { Injectable } from '@nestjs/common';
import { placementsReplySchema, RPC } from '@fornax/contracts';
import type { SnapshotPart } from '@fornax/domain';
import { RpcClient } from '@fornax/base';

/** Asks the scheduler where instances run. */
@Injectable()
export class Placements {
  constructor(private readonly rpc: RpcClient) {}

  /** Instances of a task whose command runs now. @throws Unavailable */
  async running(taskId: string): Promise<readonly SnapshotPart[]> {
    return (await this.rpc.request(RPC.placements, { taskId }, placementsReplySchema)).running;
  }
}
