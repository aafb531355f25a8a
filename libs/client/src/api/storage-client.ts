import type {
  WireUsageReconciliation,
  ObjectsReindex,
  ObjectsScrub,
  OwedEffects,
  WireExpiryRule,
  WireStorageDisk,
  WireStorageUsage,
} from '@fornax/contracts';
import { schemasOf } from './lazy-parser.js';
import type { JsonCall } from './api-connection.js';
import { nothing } from './wire-types.js';

const schema = schemasOf(() => import('../schemas/storage.js'));

const API = '/fornax/v1/buckets';
const expiryOf = (bucket: string): string => `${API}/${encodeURIComponent(bucket)}/expiry`;

/** What lies in object storage. */
export class StorageClient {
  constructor(private readonly json: JsonCall) {}

  /** By bucket, task and kind: the caller's, or for operators everybody's. */
  usage(signal?: AbortSignal): Promise<WireStorageUsage> {
    return this.json('GET', `${API}/usage`, schema('storageUsageSchema'), {
      signal,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
  }

  /** What every file of the local object store is for. Operators. @throws ApiError 409 objects are kept elsewhere */
  disk(signal?: AbortSignal): Promise<WireStorageDisk> {
    return this.json('GET', `${API}/usage/disk`, schema('storageDiskSchema'), {
      signal,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
  }

  /** Compares the counters that quotas go by with the objects, and repairs them. Operators. @throws ApiError 409 objects are kept elsewhere */
  reconcile(signal?: AbortSignal): Promise<WireUsageReconciliation> {
    const patient = { signal, timeoutMs: Number.POSITIVE_INFINITY };
    return this.json('POST', `${API}/usage/reconcile`, schema('usageReconciliationSchema'), patient);
  }

  /** How long objects of a bucket stay, by prefix. */
  expiry(bucket: string): Promise<readonly WireExpiryRule[]> {
    return this.json('GET', expiryOf(bucket), schema('expiryRulesSchema'));
  }

  /** Objects that begin with the prefix are deleted so long after their last change. @returns all rules of the bucket */
  setExpiry(bucket: string, prefix: string, afterSeconds: number): Promise<readonly WireExpiryRule[]> {
    return this.json('PUT', expiryOf(bucket), schema('expiryRulesSchema'), { body: { prefix, afterSeconds } });
  }

  /** @returns the rules that are left. @throws ApiError 404 there is no such rule */
  removeExpiry(bucket: string, prefix: string): Promise<readonly WireExpiryRule[]> {
    return this.json('DELETE', `${expiryOf(bucket)}?prefix=${encodeURIComponent(prefix)}`, schema('expiryRulesSchema'));
  }

  /** Makes the index of objects again from the files on disk; with `forgetMissing`, objects without their files leave it. Operators. */
  reindex(options: { readonly forgetMissing: boolean; readonly signal?: AbortSignal }): Promise<ObjectsReindex> {
    const path = `${API}/reindex?forgetMissing=${String(options.forgetMissing)}`;
    return this.json('POST', path, schema('objectsReindexSchema'), {
      signal: options.signal,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
  }

  /** Compares the bytes of some stored objects with their checksums, from `after` on. Operators. @throws ApiError 409 they are kept elsewhere */
  scrub(options: {
    readonly after?: string;
    readonly mibPerSecond: number;
    readonly signal?: AbortSignal;
  }): Promise<ObjectsScrub> {
    const after = options.after === undefined ? '' : `&after=${encodeURIComponent(options.after)}`;
    const path = `${API}/scrub?mibPerSecond=${options.mibPerSecond}${after}`;
    return this.json('POST', path, schema('objectsScrubSchema'), {
      signal: options.signal,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
  }

  /** What the log says about objects and is not done yet, the oldest hundred. Operators. */
  owedEffects(): Promise<OwedEffects> {
    return this.json('GET', `${API}/effects`, schema('owedEffectsSchema'));
  }

  /** Gives up an effect on results. Operators. @throws ApiError 404 there is none, 409 it is about a bucket */
  async giveUpEffect(id: string): Promise<void> {
    await this.json('DELETE', `${API}/effects/${encodeURIComponent(id)}`, nothing);
  }
}
