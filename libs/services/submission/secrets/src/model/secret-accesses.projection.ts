import { Inject, Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { ReadBarrier, type Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { SECRETS_CONFIG, type SecretsConfig } from '../config/secrets-config.js';
import { accessesOf, namesOf } from './secret-access-rows.js';

/** Name of the projection and of its checkpoint. */
export const SECRET_ACCESSES = 'secret-accesses';

/** Lets readers wait until the rows of accesses show what was committed before. */
export class AccessBarrier extends ReadBarrier {}

const NAME = `INSERT INTO secret_name (secret_id, owner, key)
  SELECT DISTINCT ON (secret_id) * FROM json_to_recordset($1::json) AS r(secret_id text, owner text, key text) ON CONFLICT DO NOTHING`;

/** Each is numbered among those of its account. */
const ADD = `WITH given AS (
    SELECT sequence, position, coalesce(r.owner, secret_name.owner) AS owner, coalesce(r.key, secret_name.key) AS key, version, way, actor, task_id, instance,
      lease_id, node, at_ms
    FROM json_to_recordset($1::json) AS r(sequence bigint, position integer, secret_id text, owner text, key text, version integer, way text, actor text,
      task_id text, instance integer, lease_id text, node text, at_ms bigint)
    LEFT JOIN secret_name USING (secret_id)
  ), counted AS (
    INSERT INTO secret_access_count AS known (owner, accesses) SELECT owner, count(*) FROM given GROUP BY owner
    ON CONFLICT (owner) DO UPDATE SET accesses = known.accesses + excluded.accesses
    RETURNING owner, accesses
  )
  INSERT INTO secret_access (sequence, position, owner, key, version, way, actor, task_id, instance, lease_id, node, at_ms, number)
  SELECT given.*, accesses + 1 - row_number() OVER (PARTITION BY owner ORDER BY sequence DESC, position DESC) FROM given JOIN counted USING (owner)
  RETURNING owner`;

const KEEP_NEWEST = `DELETE FROM secret_access USING secret_access_count AS known
  WHERE known.owner = ANY($1::text[]) AND secret_access.owner = known.owner AND number <= known.accesses - $2`;

/**
 * Who was given which secret in which version. The secret itself may be gone: what was given stays known. Of each account there are the newest accesses, as many as the
 * operator says; which they are is the log's matter, and no clock's.
 */
@Injectable()
export class SecretAccessesProjection implements Projection {
  readonly name = SECRET_ACCESSES;
  readonly version = 2;
  readonly aggregates = ['secret', 'secret-access'] as const;
  readonly tables = ['secret_name', 'secret_access', 'secret_access_count'] as const;

  constructor(@Inject(SECRETS_CONFIG) private readonly config: SecretsConfig) {}

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const [names, accesses] = [namesOf(batch), accessesOf(batch)];
    if (names.length > 0) await tx.query(NAME, [JSON.stringify(names)]);
    if (accesses.length === 0) return;
    const added = await tx.query<{ readonly owner: string }[]>(ADD, [JSON.stringify(accesses)]);
    await tx.query(KEEP_NEWEST, [[...new Set(added.map(({ owner }) => owner))], this.config.accessesKept]);
  }
}
