import type { DataSource, EntityManager } from 'typeorm';

/** An answer as it was given. */
export interface StoredAnswer {
  readonly status: number;
  readonly location: string | null;
  readonly body: unknown;
}

/**
 * What a request finds under its key: nothing (it is the first, the key is now its), another request's body, an answer, or a request that is
 * being carried out or was cut off.
 */
export type Claim =
  | { readonly kind: 'first' }
  | { readonly kind: 'other-body' }
  | { readonly kind: 'answered'; readonly answer: StoredAnswer }
  | { readonly kind: 'unanswered' };

interface Row {
  readonly fingerprint: string;
  readonly status: number | null;
  readonly location: string | null;
  readonly answer: { readonly body?: unknown } | null;
}

/** Answers without an object of their own, and those whose object is gone, are kept so long. */
const KEEP = `interval '24 hours'`;
/** A request that was begun so long ago was cut off: no request takes that long. */
const ABANDONED_AFTER_S = 60;
const PURGE_EVERY_MS = 600_000;

/** The keys of one service's requests, in its table `idempotency_key`. */
export class IdempotencyStore {
  private purgedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly db: Pick<DataSource, 'query'>) {}

  async claim(keyHash: string, fingerprint: string): Promise<Claim> {
    await this.purge();
    const added = await this.db.query<unknown[]>(
      `INSERT INTO idempotency_key (key_hash, fingerprint, expires_at) VALUES ($1, $2, now() + ${KEEP})
       ON CONFLICT DO NOTHING RETURNING key_hash`,
      [keyHash, fingerprint],
    );
    if (added.length > 0) return { kind: 'first' };
    const [row] = await this.db.query<Row[]>(
      'SELECT fingerprint, status, location, answer FROM idempotency_key WHERE key_hash = $1',
      [keyHash],
    );
    // Given back between the two statements.
    if (!row) return this.claim(keyHash, fingerprint);
    if (row.fingerprint !== fingerprint) return { kind: 'other-body' };
    if (row.status === null) return { kind: 'unanswered' };
    return {
      kind: 'answered',
      answer: { status: row.status, location: row.location, body: row.answer?.body },
    };
  }

  /** Takes a request over that was cut off long ago. @returns false when it may still be carried out */
  async takeOver(keyHash: string): Promise<boolean> {
    const [rows] = await this.db.query<[unknown[], number]>(
      `UPDATE idempotency_key SET claimed_at = now()
       WHERE key_hash = $1 AND status IS NULL AND claimed_at < now() - make_interval(secs => $2) RETURNING key_hash`,
      [keyHash, ABANDONED_AFTER_S],
    );
    return rows.length > 0;
  }

  /** @param objectIds what the request made: the answer is kept as long as one of them lives */
  async keep(keyHash: string, { status, location, body }: StoredAnswer, objectIds: readonly string[]): Promise<void> {
    await this.db.query(
      `UPDATE idempotency_key SET status = $2, location = $3, answer = $4::json, object_ids = $5::text[],
         expires_at = CASE WHEN $5::text[] = '{}' THEN now() + ${KEEP} END
       WHERE key_hash = $1 AND status IS NULL`,
      [keyHash, status, location, JSON.stringify(body === undefined ? {} : { body }), [...objectIds]],
    );
  }

  /** Nothing came of the request: the key is free. */
  async giveBack(keyHash: string): Promise<void> {
    await this.db.query('DELETE FROM idempotency_key WHERE key_hash = $1 AND status IS NULL', [keyHash]);
  }

  private async purge(): Promise<void> {
    if (performance.now() - this.purgedAt < PURGE_EVERY_MS) return;
    this.purgedAt = performance.now();
    await this.db.query('DELETE FROM idempotency_key WHERE expires_at < now()');
  }
}

/** Objects are gone: answers of which none lives any more are kept for another day. */
export const forgetObjects = async (tx: Pick<EntityManager, 'query'>, objectIds: readonly string[]): Promise<void> => {
  await tx.query(
    `UPDATE idempotency_key k SET object_ids = rest.ids, expires_at = CASE WHEN rest.ids = '{}' THEN now() + ${KEEP} END
     FROM (SELECT key_hash, ARRAY(SELECT unnest(object_ids) EXCEPT SELECT unnest($1::text[])) AS ids
           FROM idempotency_key WHERE object_ids && $1::text[]) rest
     WHERE k.key_hash = rest.key_hash`,
    [[...objectIds]],
  );
};
