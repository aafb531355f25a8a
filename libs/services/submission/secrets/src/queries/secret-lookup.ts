import { Injectable } from '@nestjs/common';
import { derivedId, NotFound } from '@fornax/base';
import type { SecretsSize } from '@fornax/contracts';
import type { SecretRights } from '@fornax/domain';
import { clearBytesOf } from '@fornax/identity';
import { InjectDatabase } from '@fornax/tasks';
import type { DataSource } from 'typeorm';
import type { SecretRecord, VersionRecord } from '../model/secret-rows.js';
import { SecretBarrier } from '../model/secrets.projection.js';

/** The id of the secret that an account has, or may have, under a key: so the log itself settles who creates it first. */
export const secretIdOf = (owner: string, key: string): string => derivedId('secret', owner, key);

/** A secret that is there. */
export type KeptSecret = SecretRecord & { readonly key_id: string };
const isKept = (row: SecretRecord | undefined): row is KeptSecret => row !== undefined && row.key_id !== null;

/** A secret and its newest value, sealed. */
export type SealedSecret = KeptSecret & { readonly sealed: string };

/** Secrets of the account $1 that rights name, by the keys $2 and the prefixes $3, each with its newest version. */
const GRANTED = `secret JOIN secret_version AS newest ON newest.secret_id = secret.secret_id AND newest.version = secret.version
  WHERE owner = $1 AND key_id IS NOT NULL
    AND (key = ANY($2::text[]) OR EXISTS (SELECT FROM unnest($3::text[]) AS prefix WHERE starts_with(key, prefix)))`;

/** @throws NotFound */
export const noSuchSecret = (key: string): never => {
  throw new NotFound(`No such secret: ${key}`, { code: 'secret-not-found' });
};

/** Finds secrets of an account. */
@Injectable()
export class SecretLookup {
  constructor(
    @InjectDatabase() private readonly db: DataSource,
    private readonly barrier: SecretBarrier,
  ) {}

  /** Resolves once what is found here has everything that was committed before. */
  async caughtUp(): Promise<void> {
    await this.barrier.caughtUp();
  }

  /** The row of a secret, also of one that is deleted. */
  async rowOf(owner: string, key: string): Promise<SecretRecord | undefined> {
    const sql = 'SELECT * FROM secret WHERE secret_id = $1';
    return (await this.db.query<SecretRecord[]>(sql, [secretIdOf(owner, key)]))[0];
  }

  /** @throws NotFound, once everything committed before was looked at */
  async find(owner: string, key: string): Promise<KeptSecret> {
    const row = await this.rowOf(owner, key);
    return isKept(row) ? row : this.findNow(owner, key);
  }

  /** The same, with everything that was committed before. @throws NotFound */
  async findNow(owner: string, key: string): Promise<KeptSecret> {
    await this.barrier.caughtUp();
    const row = await this.rowOf(owner, key);
    return isKept(row) ? row : noSuchSecret(key);
  }

  /** Its versions that can be read, newest first; only one of them where it is named. */
  versionsOf({ secret_id: secretId }: SecretRecord, version?: number): Promise<readonly VersionRecord[]> {
    return this.db.query<VersionRecord[]>(
      `SELECT secret_id, version, sealed, restored_from, at_ms::float8 FROM secret_version
       WHERE secret_id = $1 AND ($2::int IS NULL OR version = $2) ORDER BY version DESC`,
      [secretId, version ?? null],
    );
  }

  /** Keys of an account that lie below a prefix, which has no slash at its end; all of them for the empty one. Sorted. */
  async keysBelow(owner: string, prefix: string): Promise<readonly string[]> {
    const rows = await this.db.query<{ readonly key: string }[]>(
      `SELECT key FROM secret WHERE owner = $1 AND key_id IS NOT NULL AND starts_with(key, $2) ORDER BY key COLLATE "C"`,
      [owner, prefix === '' ? '' : `${prefix}/`],
    );
    return rows.map(({ key }) => key);
  }

  /** Secrets of an account that rights name, with their newest values, sorted by key. @param after the key that they come after */
  granted(
    owner: string,
    { keys, prefixes }: SecretRights,
    { after, most }: { readonly after: string; readonly most: number },
  ): Promise<readonly SealedSecret[]> {
    return this.db.query<SealedSecret[]>(
      `SELECT secret.*, newest.sealed FROM ${GRANTED} AND key COLLATE "C" > $4 ORDER BY key COLLATE "C" LIMIT $5`,
      [owner, keys, prefixes, after, most],
    );
  }

  /** Keys that no secret of an account has, sorted. */
  async missing(owner: string, keys: readonly string[], most: number): Promise<readonly string[]> {
    if (keys.length === 0) return [];
    const rows = await this.db.query<{ readonly key: string }[]>(
      `SELECT asked.key FROM unnest($2::text[]) AS asked(key)
       WHERE NOT EXISTS (SELECT FROM secret WHERE owner = $1 AND key_id IS NOT NULL AND secret.key = asked.key)
       ORDER BY asked.key COLLATE "C" LIMIT $3`,
      [owner, keys, most],
    );
    return rows.map(({ key }) => key);
  }

  /** What all secrets of an account that rights name come to, without opening one. */
  async sizeOf(owner: string, { keys, prefixes }: SecretRights): Promise<SecretsSize> {
    const [size] = await this.db.query<readonly (Omit<SecretsSize, 'bytes'> & { readonly sealed: number })[]>(
      `SELECT count(*)::int AS count, coalesce(sum(octet_length(sealed) * 3 / 4), 0)::float8 AS sealed,
         coalesce(sum(cardinality(string_to_array(key, '/'))), 0)::int AS parts FROM ${GRANTED}`,
      [owner, keys, prefixes],
    );
    const { count = 0, sealed = 0, parts = 0 } = size ?? {};
    return { count, bytes: clearBytesOf(sealed, count), parts };
  }

  async count(owner: string): Promise<number> {
    const sql = 'SELECT count(*)::int AS count FROM secret WHERE owner = $1 AND key_id IS NOT NULL';
    return (await this.db.query<{ readonly count: number }[]>(sql, [owner]))[0]?.count ?? 0;
  }
}
