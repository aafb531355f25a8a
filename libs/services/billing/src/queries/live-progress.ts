import { Injectable } from '@nestjs/common';
import { RpcClient } from '@fornax/base';
import { liveProgressReplySchema, RPC } from '@fornax/contracts';
import type { z } from 'zod';

const TIMEOUT_MS = 1_000;

/** What a lease does now, as its node tells. */
export type Told = z.output<typeof liveProgressReplySchema>['leases'][number];
/** Only what the node that has a lease says of it is believed. */
export const toldKey = ({ node, leaseId }: Pick<Told, 'node' | 'leaseId'>): string => JSON.stringify([node, leaseId]);

/** Asks submission, which hears nodes, how far the instances of a task are. */
@Injectable()
export class LiveProgress {
  constructor(private readonly rpc: RpcClient) {}

  /** By `toldKey`. Nothing where submission is away: what is known without it is known still. */
  async of(taskId: string): Promise<ReadonlyMap<string, Told>> {
    const { leases } = await this.rpc
      .request(RPC.liveProgress, { taskId }, liveProgressReplySchema, TIMEOUT_MS)
      .catch(() => ({ leases: [] }));
    return new Map(leases.map((told) => [toldKey(told), told]));
  }
}
