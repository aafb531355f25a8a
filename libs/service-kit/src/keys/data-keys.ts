import { Conflict, newId } from '@fornax/base';
import { dataKeyIdentity, SealedElsewhere, type Sealer } from '@fornax/identity';
import type { DataSource } from 'typeorm';

/** A data key as it is used, and the id that events name it by. */
export interface KeptKey {
  readonly keyId: string;
  readonly key: Uint8Array;
}

/** A key that was made, in clear and wrapped. */
export interface MadeKey extends KeptKey {
  readonly wrapped: string;
}

/** A key that was made, and whose it is: it goes with that. */
export interface OwnedKey extends MadeKey {
  readonly ownerId: string;
}

/** A key that no event is known to name. */
export interface UnnamedKey {
  readonly keyId: string;
  readonly ownerId: string;
}

/** The constants of a task or pool, or the key of a secret, as one event says them. */
export interface KeyInLog {
  readonly ownerId: string;
  /** The key that they are sealed with; null: none of them is sealed. */
  readonly keyId: string | null;
  /** Of the commit. */
  readonly sequence: number;
}

/** What a step of a rotation did. */
export interface Rewrapped {
  readonly rotated: number;
  /** Keys that no master key of this process opens. */
  readonly closed: number;
  /** Id of the last key that was looked at; null: there are no more. */
  readonly last: string | null;
}

/** The data key was destroyed, or is lost with the database that kept it: what was sealed with it stays closed for ever. */
export class KeyDestroyed extends Conflict {
  constructor(readonly keyId: string) {
    super('The key that this was sealed with is not there any more, so it cannot be opened: it must be given anew', {
      code: 'key-destroyed',
    });
  }
}

/** Data keys of secrets, kept in Postgres and nowhere else, so that they can be destroyed (ADR 0089). */
export class DataKeys {
  constructor(
    private readonly db: DataSource,
    private readonly sealer: Sealer,
  ) {}

  /** Makes a key for an owner. It is kept before anything that is sealed with it can be in the log. */
  async create(ownerId: string): Promise<KeptKey> {
    const made = this.make();
    await this.keep([{ ...made, ownerId }]);
    return made;
  }

  /** Makes a key that nobody has yet: it has to be kept before anything that is sealed with it can be in the log. */
  make(): MadeKey {
    const keyId = newId();
    return { keyId, ...this.sealer.newDataKey(dataKeyIdentity(keyId)) };
  }

  /** All of them or none. */
  async keep(keys: readonly OwnedKey[]): Promise<void> {
    await this.db.query(
      `INSERT INTO data_key (key_id, wrapped, owner_id)
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[])`,
      [keys.map(({ keyId }) => keyId), keys.map(({ wrapped }) => wrapped), keys.map(({ ownerId }) => ownerId)],
    );
  }

  /**
   * Destroys keys of constants that were replaced: those that an earlier event named than the one that is told. A key that no event has named is left: its event
   * may still come. Safe to repeat, in the order of the log.
   * @param said in the order of the log
   */
  async replace(said: readonly KeyInLog[]): Promise<void> {
    await this.note(said);
    const last = [...new Map(said.map((one) => [one.ownerId, one])).values()];
    await this.db.query(
      `DELETE FROM data_key USING unnest($1::text[], $2::text[], $3::bigint[]) AS said(owner_id, key_id, sequence)
       WHERE data_key.owner_id = said.owner_id AND data_key.key_id IS DISTINCT FROM said.key_id AND data_key.named_at < said.sequence`,
      [last.map(({ ownerId }) => ownerId), last.map(({ keyId }) => keyId), last.map(({ sequence }) => sequence)],
    );
  }

  /** Notes which commits name which keys. */
  async note(said: readonly KeyInLog[]): Promise<void> {
    const named = said.filter(({ keyId }) => keyId !== null);
    await this.db.query(
      `UPDATE data_key SET named_at = said.sequence
       FROM unnest($1::text[], $2::text[], $3::bigint[]) AS said(owner_id, key_id, sequence)
       WHERE data_key.key_id = said.key_id AND data_key.owner_id = said.owner_id`,
      [named.map(({ ownerId }) => ownerId), named.map(({ keyId }) => keyId), named.map(({ sequence }) => sequence)],
    );
  }

  /**
   * Keys of owners that were made so long ago, and that nobody has said an event of, the oldest first. Those of secrets of before ADR 0133 have no owner, and are left out.
   * @param most how many
   */
  unnamed(olderThanMs: number, most: number): Promise<readonly UnnamedKey[]> {
    return this.db.query<UnnamedKey[]>(
      `SELECT key_id AS "keyId", owner_id AS "ownerId" FROM data_key
       WHERE named_at IS NULL AND owner_id IS NOT NULL AND created_at < now() - $1 * interval '1 millisecond'
       ORDER BY created_at LIMIT $2`,
      [olderThanMs, most],
    );
  }

  /** Destroys keys, but for those that an event was said of meanwhile. @returns how many there were */
  async destroyUnnamed(keyIds: readonly string[]): Promise<number> {
    const sql = 'DELETE FROM data_key WHERE key_id = ANY($1::text[]) AND named_at IS NULL';
    const [, destroyed] = await this.db.query<[unknown, number]>(sql, [keyIds]);
    return destroyed;
  }

  /** A key as the master key wraps it; undefined where it was destroyed, or is not the owner's. */
  async wrapped(keyId: string, ownerId: string): Promise<string | undefined> {
    const sql = 'SELECT wrapped FROM data_key WHERE key_id = $1 AND owner_id = $2';
    return (await this.db.query<{ readonly wrapped: string }[]>(sql, [keyId, ownerId]))[0]?.wrapped;
  }

  /** Destroys all keys of some owners. Safe to repeat. */
  async destroyOf(ownerIds: readonly string[]): Promise<void> {
    if (ownerIds.length === 0) return;
    await this.db.query('DELETE FROM data_key WHERE owner_id = ANY($1::text[])', [ownerIds]);
  }

  /** @throws KeyDestroyed @throws SealedElsewhere its master key is lost */
  async find(keyId: string): Promise<Uint8Array> {
    const key = (await this.findAll([keyId])).get(keyId);
    if (key === undefined) throw new KeyDestroyed(keyId);
    return key;
  }

  /** By id; those that were destroyed are left out. @throws SealedElsewhere */
  async findAll(keyIds: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const sql = 'SELECT key_id, wrapped FROM data_key WHERE key_id = ANY($1::text[])';
    const rows = await this.db.query<{ readonly key_id: string; readonly wrapped: string }[]>(sql, [keyIds]);
    return new Map(rows.map(({ key_id: id, wrapped }) => [id, this.sealer.unwrap(wrapped, dataKeyIdentity(id))]));
  }

  /** Destroys keys, and with them all that was sealed with them. Safe to repeat. */
  async destroy(keyIds: readonly string[]): Promise<void> {
    if (keyIds.length === 0) return;
    await this.db.query('DELETE FROM data_key WHERE key_id = ANY($1::text[])', [keyIds]);
  }

  /** How many there are, and how many of them another master key than the newest has sealed. */
  async stand(): Promise<{ readonly dataKeys: number; readonly left: number }> {
    const [stand] = await this.db.query<{ readonly all: number; readonly left: number }[]>(
      'SELECT count(*)::int AS "all", (count(*) FILTER (WHERE NOT starts_with(wrapped, $1)))::int AS "left" FROM data_key',
      [this.sealer.envelopeStart],
    );
    return { dataKeys: stand?.all ?? 0, left: stand?.left ?? 0 };
  }

  /** Seals keys by the newest master key that another one has sealed. @param after the id that they come after @param most how many are looked at */
  async rewrap(after: string, most: number): Promise<Rewrapped> {
    return this.db.transaction(async (tx) => {
      const rows = await tx.query<{ readonly key_id: string; readonly wrapped: string }[]>(
        `SELECT key_id, wrapped FROM data_key WHERE key_id > $1 AND NOT starts_with(wrapped, $2)
         ORDER BY key_id LIMIT $3 FOR UPDATE`,
        [after, this.sealer.envelopeStart, most],
      );
      const opened = rows.flatMap(({ key_id: id, wrapped }) => {
        const again = this.rewrapped(id, wrapped);
        return again === undefined ? [] : [{ id, again }];
      });
      await tx.query(
        `UPDATE data_key SET wrapped = given.wrapped FROM unnest($1::text[], $2::text[]) AS given(id, wrapped)
         WHERE key_id = given.id`,
        [opened.map(({ id }) => id), opened.map(({ again }) => again)],
      );
      const last = rows.length < most ? null : (rows.at(-1)?.key_id ?? null);
      return { rotated: opened.length, closed: rows.length - opened.length, last };
    });
  }

  /** Undefined where no master key of this process opens it. */
  private rewrapped(keyId: string, wrapped: string): string | undefined {
    try {
      return this.sealer.rewrap(wrapped, dataKeyIdentity(keyId));
    } catch (error) {
      if (error instanceof SealedElsewhere) return undefined;
      throw error;
    }
  }
}
