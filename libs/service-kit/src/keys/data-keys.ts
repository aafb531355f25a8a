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
  constructor() {
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

  /** Makes a key. It is kept before anything that is sealed with it can be in the log. */
  async create(): Promise<KeptKey> {
    const made = this.make();
    await this.keep(made);
    return made;
  }

  /** Makes a key that nobody has yet: it has to be kept before anything that is sealed with it can be in the log. */
  make(): MadeKey {
    const keyId = newId();
    return { keyId, ...this.sealer.newDataKey(dataKeyIdentity(keyId)) };
  }

  /** @param ownerId whose it is: the key goes with that */
  async keep({ keyId, wrapped }: MadeKey, ownerId: string | null = null): Promise<void> {
    await this.db.query('INSERT INTO data_key (key_id, wrapped, owner_id) VALUES ($1, $2, $3)', [
      keyId,
      wrapped,
      ownerId,
    ]);
  }

  /** A key as the master key wraps it; undefined where it was destroyed, or is not the owner's. */
  async wrapped(keyId: string, ownerId: string): Promise<string | undefined> {
    const sql = 'SELECT wrapped FROM data_key WHERE key_id = $1 AND owner_id = $2';
    return (await this.db.query<{ readonly wrapped: string }[]>(sql, [keyId, ownerId]))[0]?.wrapped;
  }

  /** Destroys all keys of some owners. Safe to repeat. */
  async destroyOf(ownerIds: readonly string[]): Promise<void> {
    await this.db.query('DELETE FROM data_key WHERE owner_id = ANY($1::text[])', [ownerIds]);
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
    return new Map(rows.map(({ key_id: id, wrapped }) => [id, this.sealer.unwrap(wrapped, dataKeyIdentity(id))]));
  }

  /** Destroys keys, and with them all that was sealed with them. Safe to repeat. */
  async destroy(keyIds: readonly string[]): Promise<void> {
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
