import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { bucketScope } from '../effects/object-effect.js';
import type { Bucket } from '../model/bucket.js';

interface BucketRow {
  readonly name: string;
  readonly owner: string;
  readonly created_at: Date;
  readonly is_being_made: boolean;
}

const bucketOf = ({ name, owner, created_at: createdAt, is_being_made: isBeingMade }: BucketRow): Bucket => ({
  name,
  owner,
  createdAt,
  isBeingMade,
});

/** Rows and pending effects are written in one transaction, so one statement sees both. */
const SELECT = `SELECT name, owner, created_at, EXISTS (SELECT FROM object_effect WHERE scope = '${bucketScope('')}' || name) AS is_being_made FROM bucket`;

/** The read model of buckets, as the projection left it. */
@Injectable()
export class BucketCatalog {
  constructor(@InjectDataSource('storage') private readonly db: DataSource) {}

  async find(name: string): Promise<Bucket | undefined> {
    const [row] = await this.db.query<BucketRow[]>(`${SELECT} WHERE name = $1`, [name]);
    return row && bucketOf(row);
  }

  async findAll(names: readonly string[]): Promise<readonly Bucket[]> {
    if (names.length === 0) return [];
    const rows = await this.db.query<BucketRow[]>(`${SELECT} WHERE name = ANY ($1::text[])`, [[...names]]);
    return rows.map(bucketOf);
  }

  async ownedBy(owner: string): Promise<readonly Bucket[]> {
    const rows = await this.db.query<BucketRow[]>(`${SELECT} WHERE owner = $1 ORDER BY name`, [owner]);
    return rows.map(bucketOf);
  }
}
