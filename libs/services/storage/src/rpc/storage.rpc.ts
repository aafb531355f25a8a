import { Controller } from '@nestjs/common';
import {
  RPC,
  ensureBucketsReplySchema,
  ensureBucketsRequestSchema,
  holdInputsRequestSchema,
  type HoldInputsReply,
  storageUsageReplySchema,
  storageUsageRequestSchema,
} from '@fornax/contracts';
import { RpcHandler } from '@fornax/service-kit';
import type { z } from 'zod';
import { BucketCatalog } from '../buckets/bucket-catalog.js';
import { allows, type BucketAccess } from '../model/bucket-access.js';
import { isBucketName } from '../model/bucket-names.js';
import { BucketCommands } from '../buckets/bucket.commands.js';
import { StorageUsage } from '../buckets/storage-usage.js';
import { HeldInputs } from '../store/held-inputs.js';
import { StorageReads } from '../reading/storage-reads.js';

type EnsureReply = z.output<typeof ensureBucketsReplySchema>;
type Refused = EnsureReply['refused'][number];

/** What an account may do with a bucket, and whether the bucket may be the one that it wants made. */
interface Reach {
  readonly access: BucketAccess | undefined;
  readonly serves: boolean;
}

const refusalOf = ({ access, serves }: Reach): string => {
  if (access === undefined) return 'the bucket name is not available';
  return serves ? 'it is shared for reading only' : 'it belongs to somebody outside of your organization';
};

/** What other services ask of storage. */
@Controller()
export class StorageRpc {
  constructor(
    private readonly catalog: BucketCatalog,
    private readonly commands: BucketCommands,
    private readonly usage: StorageUsage,
    private readonly reads: StorageReads,
    private readonly inputs: HeldInputs,
  ) {}

  /** Checks first: nothing is created when something is missing, a name is taken, or there is no room for all. Repeating is safe. */
  @RpcHandler(RPC.ensureBuckets)
  async ensureBuckets(payload: unknown): Promise<EnsureReply> {
    const { owner, mustExist, create, actor, correlationId } = ensureBucketsRequestSchema.parse(payload);
    const reach = await this.#reachOf([...mustExist, ...create], owner);
    const missing = mustExist.filter((name) => !allows(reach.get(name)?.access, 'read'));
    const refused = create.flatMap((bucket): readonly Refused[] => {
      if (!isBucketName(bucket)) return [{ bucket, reason: 'not a bucket name' }];
      const known = reach.get(bucket);
      if (!known || (known.serves && allows(known.access, 'write'))) return [];
      return [{ bucket, reason: refusalOf(known) }];
    });
    if (missing.length + refused.length > 0) return { missing, refused };
    const fresh = create.filter((bucket) => !reach.has(bucket));
    return { missing, refused: [...(await this.commands.createAll(owner, fresh, { actor, correlationId }))] };
  }

  /** What an account may do with the buckets that there are; looks again after catching up with the log when one is not its own. */
  async #reachOf(names: readonly string[], account: string): Promise<ReadonlyMap<string, Reach>> {
    const look = async () =>
      new Map(
        (await this.catalog.findAll(names)).map(
          (bucket) =>
            [
              bucket.name,
              { access: this.commands.accessOf(account, bucket), serves: this.commands.servesFor(account, bucket) },
            ] as const,
        ),
      );
    const found = await look();
    if (names.every((name) => found.get(name)?.access === 'own')) return found;
    await this.reads.catchUpRows();
    return look();
  }

  /** Waits for what was acknowledged: a bucket that was just made may hold an input. */
  @RpcHandler(RPC.holdInputs)
  async holdInputs(payload: unknown): Promise<HoldInputsReply> {
    const request = holdInputsRequestSchema.parse(payload);
    await this.reads.catchUpRows();
    return this.inputs.hold(request);
  }

  @RpcHandler(RPC.storageUsage)
  async storageUsage(payload: unknown): Promise<z.output<typeof storageUsageReplySchema>> {
    const { owner: id } = storageUsageRequestSchema.parse(payload);
    const { buckets, bytes, objects } = await this.usage.of({ kind: 'user', id });
    return { bucketCount: buckets, usedBytes: bytes, objectCount: objects };
  }
}
