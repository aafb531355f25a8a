import { Injectable } from '@nestjs/common';
import { ensureBucketsReplySchema, RPC } from '@fornax/contracts';
import { Invalid, RpcClient } from '@fornax/base';
import type { Asking } from '@fornax/identity';

const TIMEOUT_MS = 5_000;

/** Sees to it that the buckets are there which snapshots go to. */
@Injectable()
export class SnapshotBuckets {
  constructor(private readonly rpc: RpcClient) {}

  /** Makes the bucket unless it is there. @throws Invalid it cannot be used @throws Unavailable */
  async ensure(bucket: string, owner: string, { account, correlationId }: Asking): Promise<void> {
    const request = { owner, mustExist: [], create: [bucket], actor: `user:${account.id}` as const, correlationId };
    const { refused } = await this.rpc.request(RPC.ensureBuckets, request, ensureBucketsReplySchema, TIMEOUT_MS);
    const [first] = refused;
    if (first)
      throw new Invalid(`The bucket ${first.bucket} cannot be used: ${first.reason}`, { code: 'bucket-refused' });
  }
}
