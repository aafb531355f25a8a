import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Gathered } from '@fornax/base';
import type { GrantAccess, GranteeKind } from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { lostResultsOf } from '../effects/lost-results.js';
import { bucketScope } from '../effects/object-effect.js';
import type { Membership } from '../model/bucket-access.js';
import type { Bucket, StoredGrant, TaskOwner } from '../model/bucket.js';

interface BucketRow {
  readonly name: string;
  readonly owner: string;
  readonly project: string | null;
  readonly created_at: Date;
  readonly grants: readonly GrantJson[] | null;
  readonly is_being_made: boolean;
}

interface GrantJson {
  readonly kind: GranteeKind;
  readonly id: string;
  readonly access: GrantAccess;
  /** Milliseconds. */
  readonly at: number;
}

const grantOf = ({ kind, id, access, at }: GrantJson): StoredGrant => ({
  grantee: { kind, id },
  access,
  grantedAt: new Date(at),
});

const bucketOf = ({ name, owner, project, created_at: createdAt, grants, is_being_made }: BucketRow): Bucket => ({
  name,
  owner,
  projectId: project,
  createdAt,
  grants: (grants ?? []).map(grantOf),
  isBeingMade: is_being_made,
});

/** Rows and pending effects are written in one transaction, so one statement sees both. */
const IS_BEING_MADE = `EXISTS (SELECT FROM object_effect WHERE scope = '${bucketScope('')}' || name)`;
const GRANTS = `(SELECT jsonb_agg(jsonb_build_object('kind', grantee_kind, 'id', grantee_id, 'access', access,
    'at', (extract(epoch FROM granted_at) * 1000)::float8) ORDER BY grantee_kind, granted_at)
  FROM bucket_grant WHERE bucket_grant.bucket = bucket.name)`;
const SELECT = `SELECT name, owner, project, created_at, ${GRANTS} AS grants, ${IS_BEING_MADE} AS is_being_made FROM bucket`;

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

  async ownerOfTask(taskId: string): Promise<TaskOwner | undefined> {
    const [row] = await this.db.query<TaskOwner[]>(
      'SELECT owner, coalesce(project, owner) AS "projectId" FROM task_owner WHERE task_id = $1',
      [taskId],
    );
    return row;
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

  /** Names of the buckets of some owners. */
  namesOf(owners: readonly string[]): Promise<readonly string[]> {
    return this.#names('owner = ANY ($1::text[])', [...owners]);
  }

  /** Names of the buckets of a project. */
  namesIn(projectId: string): Promise<readonly string[]> {
    return this.#names('coalesce(project, owner) = $1', projectId);
  }

  async #names(condition: string, value: unknown): Promise<readonly string[]> {
    const rows = await this.db.query<{ readonly name: string }[]>(`SELECT name FROM bucket WHERE ${condition}`, [
      value,
    ]);
    return rows.map(({ name }) => name);
  }

  /** Those of others that are shared with somebody, by name. */
  async sharedWith({ account, organizationId, projectIds, viewedProjectIds }: Membership): Promise<readonly Bucket[]> {
    const grantees = [
      ['user', account],
      ...[...projectIds, ...viewedProjectIds].map((id) => ['project', id]),
      ...(organizationId === null ? [] : [['organization', organizationId]]),
    ];
    const rows = await this.db.query<BucketRow[]>(
      `${SELECT} WHERE owner <> $1 AND name IN (SELECT bucket_grant.bucket FROM bucket_grant
        JOIN unnest($2::text[], $3::text[]) AS who (kind, id) ON grantee_id = who.id AND grantee_kind = who.kind) ORDER BY name`,
      [account, grantees.map(([kind]) => kind), grantees.map(([, id]) => id)],
    );
    return rows.map(bucketOf);
  }
}
