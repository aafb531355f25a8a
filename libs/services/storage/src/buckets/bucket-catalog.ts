import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import type { Bucket } from '../model/bucket.js';

interface BucketRow {
  readonly name: string;
  readonly owner: string;
  readonly created_at: Date;
}

const bucketOf = ({ name, owner, created_at: createdAt }: BucketRow): Bucket => ({ name, owner, createdAt });

/** The read model of buckets, as the projection left it. */
@Injectable()
export class BucketCatalog {
  constructor(@InjectDataSource('storage') private readonly db: DataSource) {}

  async find(name: string): Promise<Bucket | undefined> {
    const [row] = await this.db.query<BucketRow[]>('SELECT name, owner, created_at FROM bucket WHERE name = $1', [
      name,
    ]);
    return row && bucketOf(row);
  }

  async findAll(names: readonly string[]): Promise<readonly Bucket[]> {
    if (names.length === 0) return [];
    const rows = await this.db.query<BucketRow[]>(
      'SELECT name, owner, created_at FROM bucket WHERE name = ANY ($1::text[])',
      [[...names]],
    );
    return rows.map(bucketOf);
  }

  async ownedBy(owner: string): Promise<readonly Bucket[]> {
    const rows = await this.db.query<BucketRow[]>(
      'SELECT name, owner, created_at FROM bucket WHERE owner = $1 ORDER BY name',
      [owner],
    );
    return rows.map(bucketOf);
  }
}
