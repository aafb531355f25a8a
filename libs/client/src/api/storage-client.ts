import {
  expiryRuleSchema,
  storageDiskSchema,
  usageReconciliationSchema,
  type WireUsageReconciliation,
  storageUsageSchema,
  type WireExpiryRule,
  type WireStorageDisk,
  type WireStorageUsage,
} from '@fornax/contracts';
import type { Parser } from './wire-types.js';

/** One call that may take long: JSON in, JSON out. */
type PatientCall = <T>(
  method: string,
  path: string,
  parser: Parser<T>,
  call?: {
    readonly body?: unknown;
    readonly signal?: AbortSignal | undefined;
    readonly timeoutMs?: number | undefined;
  },
) => Promise<T>;

const API = '/fornax/v1/buckets';
const rules = expiryRuleSchema.array();
const expiryOf = (bucket: string): string => `${API}/${encodeURIComponent(bucket)}/expiry`;

/** What lies in object storage. */
export class StorageClient {
  constructor(private readonly json: PatientCall) {}

  /** By bucket, task and kind: the caller's, or for operators everybody's. */
  usage(signal?: AbortSignal): Promise<WireStorageUsage> {
    return this.json('GET', `${API}/usage`, storageUsageSchema, { signal, timeoutMs: Number.POSITIVE_INFINITY });
  }

  /** What every file of the local object store is for. Operators. @throws ApiError 409 objects are kept elsewhere */
  disk(signal?: AbortSignal): Promise<WireStorageDisk> {
    return this.json('GET', `${API}/usage/disk`, storageDiskSchema, { signal, timeoutMs: Number.POSITIVE_INFINITY });
  }

  /** Compares the counters that quotas go by with the objects, and repairs them. Operators. @throws ApiError 409 objects are kept elsewhere */
  reconcile(signal?: AbortSignal): Promise<WireUsageReconciliation> {
    const patient = { signal, timeoutMs: Number.POSITIVE_INFINITY };
    return this.json('POST', `${API}/usage/reconcile`, usageReconciliationSchema, patient);
  }

  /** How long objects of a bucket stay, by prefix. */
  expiry(bucket: string): Promise<readonly WireExpiryRule[]> {
    return this.json('GET', expiryOf(bucket), rules);
  }

  /** Objects that begin with the prefix are deleted so long after their last change. @returns all rules of the bucket */
  setExpiry(bucket: string, prefix: string, afterSeconds: number): Promise<readonly WireExpiryRule[]> {
    return this.json('PUT', expiryOf(bucket), rules, { body: { prefix, afterSeconds } });
  }

  /** @returns the rules that are left. @throws ApiError 404 there is no such rule */
  removeExpiry(bucket: string, prefix: string): Promise<readonly WireExpiryRule[]> {
    return this.json('DELETE', `${expiryOf(bucket)}?prefix=${encodeURIComponent(prefix)}`, rules);
  }
}
