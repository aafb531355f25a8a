import type { RecordedCommit } from '@fornax/contracts';
import { type Grantee, type GrantAccess, granteeKey } from '@fornax/domain';

export interface CreatedBucket {
  readonly owner: string;
  readonly projectId: string | null;
  readonly at: number;
}

export interface GrantRow {
  readonly bucket: string;
  readonly grantee: Grantee;
  readonly access: GrantAccess;
  readonly at: number;
}

/** What commits do to the rows: what is deleted goes first, with its grants, then what is revoked. */
export interface BucketRows {
  readonly created: ReadonlyMap<string, CreatedBucket>;
  readonly deleted: readonly string[];
  readonly granted: readonly GrantRow[];
  readonly revoked: readonly Pick<GrantRow, 'bucket' | 'grantee'>[];
}

const keyOf = (bucket: string, grantee: Grantee): string => `${bucket}/${granteeKey(grantee)}`;

/** Folds a batch into what it does to the rows of buckets and grants, whatever the order of events in it. */
export const bucketRowsOf = (batch: readonly RecordedCommit[]): BucketRows => {
  const created = new Map<string, CreatedBucket>();
  const deleted = new Set<string>();
  const granted = new Map<string, GrantRow>();
  const revoked = new Map<string, Pick<GrantRow, 'bucket' | 'grantee'>>();
  for (const { events } of batch)
    for (const event of events)
      switch (event.type) {
        case 'BucketCreated':
          created.set(event.bucket, { owner: event.owner, projectId: event.projectId ?? null, at: event.at });
          break;
        case 'BucketDeleted':
          created.delete(event.bucket);
          deleted.add(event.bucket);
          for (const [key, { bucket }] of granted) if (bucket === event.bucket) granted.delete(key);
          break;
        case 'BucketGranted': {
          const { bucket, grantee, access, at } = event;
          granted.set(keyOf(bucket, grantee), { bucket, grantee, access, at });
          break;
        }
        case 'BucketGrantRevoked': {
          const { bucket, grantee } = event;
          granted.delete(keyOf(bucket, grantee));
          revoked.set(keyOf(bucket, grantee), { bucket, grantee });
          break;
        }
        default: // says nothing about buckets
      }
  return { created, deleted: [...deleted], granted: [...granted.values()], revoked: [...revoked.values()] };
};
