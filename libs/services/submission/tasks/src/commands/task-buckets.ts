import { Injectable } from '@nestjs/common';
import { ensureBucketsReplySchema, RPC, type ensureBucketsRequestSchema } from '@fornax/contracts';
import type { TaskSpec } from '@fornax/domain';
import type { RequestContext } from '@fornax/identity';
import { Invalid, NotFound, RpcClient, Unavailable } from '@fornax/base';
import type { z } from 'zod';

const TIMEOUT_MS = 5_000;

/** In the words of the contract (2.2). */
export class NoSuchBucket extends NotFound {
  constructor(readonly bucket: string) {
    super(`No such bucket: ${bucket}`, { code: 'no-such-bucket' });
  }
}

/** A bucket for results that cannot be made, or is somebody else's. */
export class BucketRefused extends Invalid {
  constructor(
    readonly bucket: string,
    reason: string,
  ) {
    super(`The bucket ${bucket} cannot be used: ${reason}`, { code: 'bucket-refused' });
  }
}

/** Asks storage for a task's buckets: those it reads must exist, those it writes are made. */
@Injectable()
export class TaskBuckets {
  /** Questions under way: the tasks of a bulk mostly name the same buckets. */
  private readonly asking = new Map<string, Promise<z.output<typeof ensureBucketsReplySchema>>>();

  constructor(private readonly rpc: RpcClient) {}

  /**
   * @throws NoSuchBucket, BucketRefused
   * @throws Unavailable storage does not answer
   */
  async ensure(
    spec: Pick<TaskSpec, 'resources'> & Partial<Pick<TaskSpec, 'resultBucket' | 'snapshotBucket'>>,
    context: RequestContext,
  ): Promise<void> {
    const mustExist = [...new Set(spec.resources.map(({ bucket }) => bucket))];
    const create = [
      ...new Set([spec.resultBucket, spec.snapshotBucket].filter((bucket) => typeof bucket === 'string')),
    ];
    if (mustExist.length + create.length === 0) return;
    const { account, correlationId } = context;
    const request = { owner: account.id, mustExist, create, actor: `user:${account.id}` as const, correlationId };
    const { missing, refused } = await this.askOnce(request);
    const [first] = missing;
    if (first !== undefined) throw new NoSuchBucket(first);
    const [no] = refused;
    if (no) throw new BucketRefused(no.bucket, no.reason);
  }

  private askOnce(
    request: z.input<typeof ensureBucketsRequestSchema>,
  ): Promise<z.output<typeof ensureBucketsReplySchema>> {
    const key = JSON.stringify(request);
    const known = this.asking.get(key);
    if (known) return known;
    const asking = this.ask(request).finally(() => this.asking.delete(key));
    this.asking.set(key, asking);
    return asking;
  }

  private async ask(
    request: z.input<typeof ensureBucketsRequestSchema>,
  ): Promise<z.output<typeof ensureBucketsReplySchema>> {
    try {
      return await this.rpc.request(RPC.ensureBuckets, request, ensureBucketsReplySchema, TIMEOUT_MS);
    } catch (cause) {
      if (!(cause instanceof Unavailable)) throw cause;
      throw new Unavailable('The storage service does not answer; nothing was submitted', { code: cause.code, cause });
    }
  }
}
