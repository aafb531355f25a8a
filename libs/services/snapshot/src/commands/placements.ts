import { Injectable } from '@nestjs/common';
import { placementsReplySchema, RPC, type PlacementsReply } from '@fornax/contracts';
import type { SnapshotPart } from '@fornax/domain';
import { RpcClient } from '@fornax/base';

/** An instance whose command runs. */
export type Placement = PlacementsReply['running'][number];

/** Asks the scheduler where instances run. */
@Injectable()
export class Placements {
  constructor(private readonly rpc: RpcClient) {}

  /** Instances of a task whose command runs now. @throws Unavailable */
  async running(taskId: string): Promise<readonly SnapshotPart[]> {
    const { running } = await this.rpc.request(RPC.placements, { taskId }, placementsReplySchema);
    return running.map(({ instance, leaseId, node }) => ({ instance, leaseId, node }));
  }

  /** One of them; undefined: its command does not run. @throws Unavailable */
  async find(taskId: string, instance: number): Promise<Placement | undefined> {
    return (await this.rpc.request(RPC.placements, { taskId, instance }, placementsReplySchema)).running[0];
  }
}
