import { Conflict, newId } from '@fornax/base';
import { Sealer } from '@fornax/identity';
import type { DataSource } from 'typeorm';

/** A data key as it is used, and the id that events name it by. */
export interface KeptKey {
  readonly keyId: string;
  readonly key: Uint8Array;
}

/** The data key was destroyed, or is lost with the database that kept it: what was sealed with it stays closed for ever. */
export class KeyDestroyed extends Conflict {
  constructor() {
    super('The key that this was sealed with is not there any more, so it cannot be opened: it must be given anew', {
      code: 'key-destroyed',
    });
  }
}

const identityOf = (keyId: string): string => `data-key/${keyId}`;

/** Data keys of secrets, kept in Postgres and nowhere else, so that they can be destroyed (ADR 0089). */
export class DataKeys {
  constructor(
    private readonly db: DataSource,
    private readonly sealer: Sealer,
  ) {}

  /** Makes a key. It is kept before anything that is sealed with it can be in the log. */
  async create(): Promise<KeptKey> {
    const keyId = newId();
    const { key, wrapped } = this.sealer.newDataKey(identityOf(keyId));
    await this.db.query('INSERT INTO data_key (key_id, wrapped) VALUES ($1, $2)', [keyId, wrapped]);
    return { keyId, key };
  }

  /** @throws KeyDestroyed @throws SealedElsewhere its master key is lost */
  async find(keyId: string): Promise<Uint8Array> {
    const key = (await this.findAll([keyId])).get(keyId);
    if (key === undefined) throw new KeyDestroyed();
    return key;
  }

  /** By id; those that were destroyed are left out. @throws SealedElsewhere */
  async findAll(keyIds: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const sql = 'SELECT key_id, wrapped FROM data_key WHERE key_id = ANY($1::text[])';
    const rows = await this.db.query<{ readonly key_id: string; readonly wrapped: string }[]>(sql, [keyIds]);
    return new Map(rows.map(({ key_id: id, wrapped }) => [id, this.sealer.unwrap(wrapped, identityOf(id))]));
  }

  /** Destroys keys, and with them all that was sealed with them. Safe to repeat. */
  async destroy(keyIds: readonly string[]): Promise<void> {
    await this.db.query('DELETE FROM data_key WHERE key_id = ANY($1::text[])', [keyIds]);
  }
}
