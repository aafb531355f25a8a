import type { RecordedCommit } from '@fornax/contracts';
import type { Sql } from '@fornax/object-store';

/** Folds expiry rules and what they ended into rows, event by event: they are rare, and their order matters. */
export const writeExpiryRows = async (tx: Sql, batch: readonly RecordedCommit[]): Promise<void> => {
  for (const { events } of batch)
    for (const event of events)
      switch (event.type) {
        case 'BucketExpirySet':
          await tx.query(
            `INSERT INTO bucket_expiry (bucket, prefix, after_seconds) VALUES ($1, $2, $3)
              ON CONFLICT (bucket, prefix) DO UPDATE SET after_seconds = excluded.after_seconds`,
            [event.bucket, event.prefix, event.afterSeconds],
          );
          break;
        case 'BucketExpiryRemoved':
          await tx.query('DELETE FROM bucket_expiry WHERE bucket = $1 AND prefix = $2', [event.bucket, event.prefix]);
          break;
        case 'BucketObjectsExpired':
          await tx.query(
            `UPDATE bucket_expiry SET expired_objects = expired_objects + $3, expired_bytes = expired_bytes + $4,
              expired_at = to_timestamp($5::float8 / 1000) WHERE bucket = $1 AND prefix = $2`,
            [event.bucket, event.prefix, event.objects, event.bytes, event.at],
          );
          break;
        case 'BucketDeleted':
          await tx.query('DELETE FROM bucket_expiry WHERE bucket = $1', [event.bucket]);
          break;
        default: // says nothing about rules
      }
};
