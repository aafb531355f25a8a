import { Injectable } from '@nestjs/common';
import { ensureBucketsReplySchema, RPC, type ensureBucketsRequestSchema } from '@fornax/contracts';
import type { TaskSpec } from '@fornax/domain';
import type { RequestContext } from '@fornax/identity';
import { Invalid, NotFound, RpcClient, Unavailable } from '@fornax/base';
import type { z } from 'zod';

const TIMEOUT_MS = 5_000;
/** For each bucket that may have to be made. */
const MORE_MS = 20;
/** Most buckets that are asked for together: their names are one message. */
const MOST = 5_000;

type WithBuckets = Pick<TaskSpec, 'resources'> & Partial<Pick<TaskSpec, 'resultBucket' | 'snapshotBucket'>>;

/** The buckets that some need: those that they read, and those that they write. */
const bucketsOf = (specs: readonly WithBuckets[]): { readonly mustExist: string[]; readonly create: string[] } => ({
  mustExist: [...new Set(specs.flatMap(({ resources }) => resources.map(({ bucket }) => bucket)))],
  create: [
    ...new Set(
      specs
        .flatMap(({ resultBucket, snapshotBucket }) => [resultBucket, snapshotBucket])
        .filter((bucket) => typeof bucket === 'string'),
    ),
  ],
});

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
   * Makes all that are to be made, or none.
   * @throws NoSuchBucket, BucketRefused
   * @throws Invalid there are more than 5,000
   * @throws Unavailable storage does not answer
   */
  async ensure(specs: readonly WithBuckets[], context: RequestContext): Promise<void> {
    const { mustExist, create } = bucketsOf(specs);
    const count = mustExist.length + create.length;
    if (count === 0) return;
    if (count > MOST)
      throw new Invalid(`One request names ${count} buckets, more than ${MOST}`, { code: 'too-many-buckets' });
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
      return await this.rpc.request(
        RPC.ensureBuckets,
        request,
        ensureBucketsReplySchema,
        TIMEOUT_MS + MORE_MS * request.create.length,
      );
    } catch (cause) {
      if (!(cause instanceof Unavailable)) throw cause;
      throw new Unavailable('The storage service does not answer; nothing was submitted', { code: cause.code, cause });
    }
  }
}
