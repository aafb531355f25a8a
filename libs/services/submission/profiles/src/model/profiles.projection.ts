import { Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { ReadBarrier, type Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { changesOf } from './profile-rows.js';

/** Name of the projection and of its checkpoint. */
export const PROFILES = 'profiles';

/** Lets readers wait until the rows of profiles show what was committed before. */
export class ProfileBarrier extends ReadBarrier {}

const UPSERT = `INSERT INTO profile (profile_id, owner, name, version, retired_ms, sequence)
  SELECT * FROM json_to_recordset($1::json)
    AS r(profile_id text, owner text, name text, version integer, retired_ms bigint, sequence bigint)
  ON CONFLICT (profile_id) DO UPDATE
    SET version = excluded.version, retired_ms = excluded.retired_ms, sequence = excluded.sequence`;

const ADD = `INSERT INTO profile_version (profile_id, version, document, published_ms, published_by)
  SELECT * FROM json_to_recordset($1::json)
    AS r(profile_id text, version integer, document jsonb, published_ms bigint, published_by text)`;

/** Which profiles are published, and what their versions say. */
@Injectable()
export class ProfilesProjection implements Projection {
  readonly name = PROFILES;
  readonly version = 1;
  readonly aggregates = ['profile'] as const;
  readonly tables = ['profile', 'profile_version'] as const;
  readonly paceMs = 20;

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const { profiles, versions } = changesOf(batch);
    await tx.query(UPSERT, [JSON.stringify(profiles)]);
    if (versions.length > 0) await tx.query(ADD, [JSON.stringify(versions)]);
  }
}
