/** Objects in buckets behind one port, `ObjectStore`: on the disk of this machine, or on any S3 service. */
export {
  type ByteRange,
  type ByteSource,
  type ChecksumType,
  type CompletionOptions,
  type DeletionCondition,
  type FolderUsage,
  type FoundOld,
  type KeyPart,
  type ListOptions,
  type Listing,
  type Moved,
  type ObjectBytes,
  type ObjectChecksum,
  type ObjectHeaders,
  type ObjectInfo,
  type ObjectReader,
  type ObjectStore,
  type PartChecksum,
  type PartInfo,
  type PartRef,
  type Place,
  type PrefixMove,
  type Precondition,
  type PutOptions,
  type Sql,
  type StoreProblem,
  type UploadHeaders,
  type UploadInfo,
  type UploadUsage,
  type Usage,
  type WantedChecksum,
  type Written,
  CONTENT_HEADERS,
  MAX_KEY_BYTES,
  MIN_PART_BYTES,
  ObjectDamaged,
  ObjectUnreadable,
  ReadBrokeOff,
  ServiceFailed,
  StoreRefusal,
} from './port/object-store.js';
export { countStaleAt } from './port/count-age.js';
export { afterPrefix, compareKeys, rolledUp, splitPlace } from './port/keys.js';
export { sendBytes } from './port/send-bytes.js';
export { compositeEtag } from './port/etag.js';
export { ContentNotHashed } from './bytes/content-not-hashed.js';
export { ContentHash } from './bytes/content-hash.js';
export { inPortions } from './bytes/shared-portions.js';
export { LOCAL_INDEX_DOWN, LOCAL_INDEX_UP } from './local/index-tables.js';
export { LOCAL_MANIFESTS_DOWN, LOCAL_MANIFESTS_UP } from './local/manifest-tables.js';
export { LOCAL_EXTRAS_DOWN, LOCAL_EXTRAS_UP } from './local/extras-tables.js';
export { LOCAL_MARK_ORDER_DOWN, LOCAL_MARK_ORDER_UP } from './local/mark-order-tables.js';
export { USAGE_INDEX_DOWN, usageIndexUp } from './local/usage-index-tables.js';
export type { ReindexOptions, ReindexProgress } from './local/reindex.js';
export { type LocalStoreOptions, LocalObjectStore } from './local/local.object-store.js';
export type { UsageDifference, UsageReconciliation } from './local/usage-reconciliation.js';
export type { DiskUsage } from './local/disk-usage.js';
export type { IndexDatabase } from './local/store-folder.js';
export type { S3StoreOptions } from './s3/s3-service.js';
export { S3ObjectStore } from './s3/s3.object-store.js';
