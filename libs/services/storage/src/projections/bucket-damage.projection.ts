import { Injectable } from '@nestjs/common';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import type { DamagedObject } from '@fornax/domain';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';

const TYPES: readonly string[] = ['BucketDamageFound', 'BucketDamageEnded', 'BucketDeleted'];

interface Found extends DamagedObject {
  readonly bucket: string;
  readonly at: number;
}

/** Objects that scrubs found damaged, until the damage has ended. */
@Injectable()
export class BucketDamageProjection implements Projection {
  readonly name = 'bucket-damage';
  readonly version = 1;
  readonly aggregates: readonly Aggregate[] = ['bucket'];
  readonly wants = ({ events }: RecordedCommit): boolean => events.some(({ type }) => TYPES.includes(type));
  readonly tables = ['bucket_damage'] as const;

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const deleted = new Set<string>();
    const found = new Map<string, Found>();
    const ended = new Map<string, { readonly bucket: string; readonly key: string }>();
    for (const event of batch.flatMap(({ events }) => events))
      switch (event.type) {
        case 'BucketDamageFound':
          for (const one of event.objects) {
            const place = `${event.bucket}/${one.key}`;
            found.set(place, { ...one, bucket: event.bucket, at: event.at });
            ended.delete(place);
          }
          break;
        case 'BucketDamageEnded':
          for (const key of event.keys) {
            const place = `${event.bucket}/${key}`;
            found.delete(place);
            ended.set(place, { bucket: event.bucket, key });
          }
          break;
        case 'BucketDeleted':
          deleted.add(event.bucket);
          for (const [place, { bucket }] of found) if (bucket === event.bucket) found.delete(place);
          break;
        default: // says nothing about damage
      }
    if (deleted.size > 0) await tx.query('DELETE FROM bucket_damage WHERE bucket = ANY ($1::text[])', [[...deleted]]);
    await this.#remove(tx, [...ended.values()]);
    await this.#add(tx, [...found.values()]);
  }

  async #remove(tx: EntityManager, ended: readonly { readonly bucket: string; readonly key: string }[]): Promise<void> {
    if (ended.length === 0) return;
    await tx.query(
      `DELETE FROM bucket_damage USING unnest($1::text[], $2::text[]) AS gone (bucket, key)
        WHERE bucket_damage.bucket = gone.bucket AND bucket_damage.key = gone.key`,
      [ended.map(({ bucket }) => bucket), ended.map(({ key }) => key)],
    );
  }

  async #add(tx: EntityManager, found: readonly Found[]): Promise<void> {
    if (found.length === 0) return;
    await tx.query(
      `INSERT INTO bucket_damage (bucket, key, etag, reason, found_at)
        SELECT bucket, key, etag, reason, to_timestamp(at / 1000.0)
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::float8[]) AS found (bucket, key, etag, reason, at)
        ON CONFLICT (bucket, key) DO UPDATE SET etag = excluded.etag, reason = excluded.reason, found_at = excluded.found_at`,
      [
        found.map(({ bucket }) => bucket),
        found.map(({ key }) => key),
        found.map(({ etag }) => etag),
        found.map(({ reason }) => reason),
        found.map(({ at }) => at),
      ],
    );
  }
}
