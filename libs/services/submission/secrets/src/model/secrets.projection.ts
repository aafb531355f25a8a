import { Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { ReadBarrier, type Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { changesOf, type SecretRecord } from './secret-rows.js';

/** Name of the projection and of its checkpoint. */
export const SECRETS = 'secrets';

/** Versions of one secret that can be read, at most. */
const MOST_VERSIONS = 100;

/** Lets readers wait until the rows of secrets show what was committed before. */
export class SecretBarrier extends ReadBarrier {}

const UPSERT = `INSERT INTO secret (secret_id, owner, key, key_id, version, sequence)
  SELECT * FROM json_to_recordset($1::json) AS r(secret_id text, owner text, key text, key_id text, version integer, sequence bigint)
  ON CONFLICT (secret_id) DO UPDATE SET key_id = excluded.key_id, version = excluded.version, sequence = excluded.sequence`;

const ADD = `INSERT INTO secret_version (secret_id, version, sealed, restored_from, at_ms)
  SELECT * FROM json_to_recordset($1::json) AS r(secret_id text, version integer, sealed text, restored_from integer, at_ms bigint)`;

/** Which secrets there are, and their values, sealed. */
@Injectable()
export class SecretsProjection implements Projection {
  readonly name = SECRETS;
  readonly version = 1;
  readonly aggregates = ['secret'] as const;
  readonly tables = ['secret', 'secret_version'] as const;

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const ids = [...new Set(batch.map(({ aggregateId }) => aggregateId))];
    const rows = await tx.query<SecretRecord[]>('SELECT * FROM secret WHERE secret_id = ANY($1::text[])', [ids]);
    const changes = changesOf(rows, batch);
    await tx.query(UPSERT, [JSON.stringify(changes.map(({ row }) => row))]);
    const deleted = changes.filter(({ isDeleted }) => isDeleted).map(({ row }) => row.secret_id);
    if (deleted.length > 0) await tx.query('DELETE FROM secret_version WHERE secret_id = ANY($1::text[])', [deleted]);
    const added = changes.flatMap((change) => change.added);
    if (added.length === 0) return;
    await tx.query(ADD, [JSON.stringify(added)]);
    await tx.query(
      `DELETE FROM secret_version AS old USING secret WHERE old.secret_id = secret.secret_id
         AND secret.secret_id = ANY($1::text[]) AND old.version <= secret.version - $2`,
      [ids, MOST_VERSIONS],
    );
  }
}
