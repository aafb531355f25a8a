import { Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { InjectDatabase } from '../model/database.js';
import type { ProfileRecord } from '../model/profile-rows.js';
import { ProfileBarrier } from '../model/profiles.projection.js';

const COLUMNS = `profile_id, owner, name, retired_ms, sequence, profile.version AS newest,
  said.version, said.document, said.published_ms, said.published_by`;
const NEWEST = `SELECT ${COLUMNS} FROM profile JOIN profile_version AS said USING (profile_id)
  WHERE said.version = profile.version`;

/** Reads published profiles. */
@Injectable()
export class ProfileReader {
  constructor(
    @InjectDatabase() private readonly database: DataSource,
    private readonly barrier: ProfileBarrier,
  ) {}

  /** The newest version of each profile of these owners, by name. @param owners undefined: of all */
  newest(owners?: readonly string[]): Promise<readonly ProfileRecord[]> {
    return owners === undefined
      ? this.database.query<ProfileRecord[]>(`${NEWEST} ORDER BY name, owner`)
      : this.database.query<ProfileRecord[]>(`${NEWEST} AND owner = ANY($1::text[]) ORDER BY name, owner`, [owners]);
  }

  /** The newest version of a name, of each of these owners that has it; what was published just now is waited for. */
  async named(name: string, owners: readonly string[]): Promise<readonly ProfileRecord[]> {
    const read = () =>
      this.database.query<ProfileRecord[]>(`${NEWEST} AND name = $1 AND owner = ANY($2::text[])`, [name, owners]);
    const found = await read();
    if (found.length > 0) return found;
    await this.barrier.caughtUp();
    return read();
  }

  /** Resolves when what is read shows the log up to there. */
  async passed(sequence: number): Promise<void> {
    await this.barrier.passed(sequence);
  }

  /** How much all versions of the profiles of an owner say. */
  async bytesOf(owner: string): Promise<number> {
    const [found] = await this.database.query<{ bytes: string }[]>(
      'SELECT coalesce(sum(octet_length(document::text)), 0) AS bytes FROM profile JOIN profile_version USING (profile_id) WHERE owner = $1',
      [owner],
    );
    return Number(found?.bytes ?? 0);
  }

  /** All versions of one profile, the newest first. */
  versions(profileId: string): Promise<readonly ProfileRecord[]> {
    return this.database.query<ProfileRecord[]>(
      `SELECT ${COLUMNS} FROM profile JOIN profile_version AS said USING (profile_id)
       WHERE profile_id = $1 ORDER BY said.version DESC`,
      [profileId],
    );
  }

  /** One version of one profile. */
  async version(profileId: string, version: number): Promise<ProfileRecord | undefined> {
    const [found] = await this.database.query<ProfileRecord[]>(
      `SELECT ${COLUMNS} FROM profile JOIN profile_version AS said USING (profile_id)
       WHERE profile_id = $1 AND said.version = $2`,
      [profileId, version],
    );
    return found;
  }
}
