import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Gathered } from '@fornax/base';
import type { DataSource } from 'typeorm';
import { lostResultsOf } from '../effects/lost-results.js';
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
const IS_BEING_MADE = `EXISTS (SELECT FROM object_effect WHERE scope = '${bucketScope('')}' || name)`;
const SELECT = `SELECT name, owner, created_at, ${IS_BEING_MADE} AS is_being_made FROM bucket`;

/** Names of the buckets that are there for good: what is owed to the others is carried out in its turn, not before what comes first. */
export const madeBuckets = async (db: Pick<DataSource, 'query'>): Promise<readonly string[]> => {
  const rows = await db.query<{ readonly name: string }[]>(`SELECT name FROM bucket WHERE NOT ${IS_BEING_MADE}`);
  return rows.map(({ name }) => name);
};

/** The read model of buckets, as the projection left it. */
@Injectable()
export class BucketCatalog {
  /** Every request asks for its bucket, and many come at once. Nothing is remembered: a bucket that was made again is another one at once. */
  readonly #asked = new Gathered<string, Bucket | undefined>(async (names) => {
    const found = new Map((await this.findAll([...new Set(names)])).map((bucket) => [bucket.name, bucket]));
    return names.map((name) => found.get(name));
  });

  constructor(@InjectDataSource('storage') private readonly db: DataSource) {}

  find(name: string): Promise<Bucket | undefined> {
    return this.#asked.ask(name);
  }

  async findAll(names: readonly string[]): Promise<readonly Bucket[]> {
    if (names.length === 0) return [];
    const rows = await this.db.query<BucketRow[]>(`${SELECT} WHERE name = ANY ($1::text[])`, [[...names]]);
    return rows.map(bucketOf);
  }

  lostResultsOf(leaseId: string): Promise<string | undefined> {
    return lostResultsOf(this.db, leaseId);
  }

  /** By name. */
  async all(): Promise<readonly Bucket[]> {
    const rows = await this.db.query<BucketRow[]>(`${SELECT} ORDER BY name`);
    return rows.map(bucketOf);
  }

  async ownedBy(owner: string): Promise<readonly Bucket[]> {
    const rows = await this.db.query<BucketRow[]>(`${SELECT} WHERE owner = $1 ORDER BY name`, [owner]);
    return rows.map(bucketOf);
  }
}
