import { Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { ReadBarrier, type Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { accessesOf, namesOf } from './secret-access-rows.js';

/** Name of the projection and of its checkpoint. */
export const SECRET_ACCESSES = 'secret-accesses';

/** Lets readers wait until the rows of accesses show what was committed before. */
export class AccessBarrier extends ReadBarrier {}

const NAME = `INSERT INTO secret_name (secret_id, owner, key)
  SELECT DISTINCT ON (secret_id) * FROM json_to_recordset($1::json) AS r(secret_id text, owner text, key text) ON CONFLICT DO NOTHING`;

const ADD = `INSERT INTO secret_access (sequence, position, owner, key, version, way, actor, task_id, instance, lease_id, node, at_ms)
  SELECT sequence, position, coalesce(r.owner, secret_name.owner), coalesce(r.key, secret_name.key), version, way, actor, task_id, instance, lease_id, node, at_ms
  FROM json_to_recordset($1::json) AS r(sequence bigint, position integer, secret_id text, owner text, key text, version integer, way text, actor text,
    task_id text, instance integer, lease_id text, node text, at_ms bigint)
  LEFT JOIN secret_name USING (secret_id)`;

/** Who was given which secret in which version. The secret itself may be gone: what was given stays known. */
@Injectable()
export class SecretAccessesProjection implements Projection {
  readonly name = SECRET_ACCESSES;
  readonly version = 1;
  readonly aggregates = ['secret', 'secret-access'] as const;
  readonly tables = ['secret_name', 'secret_access'] as const;

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const [names, accesses] = [namesOf(batch), accessesOf(batch)];
    if (names.length > 0) await tx.query(NAME, [JSON.stringify(names)]);
    if (accesses.length > 0) await tx.query(ADD, [JSON.stringify(accesses)]);
  }
}
