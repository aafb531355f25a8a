import type { OwedEffects } from '@fornax/contracts';
import type { Sql } from '@fornax/object-store';
import type { EffectKind, ObjectEffect } from './object-effect.js';

/** An effect that waits for the store. */
export interface OwedEffect extends ObjectEffect {
  readonly id: string;
  /** How often it failed by itself, not among others. */
  readonly failures: number;
}

/** From here on nobody waits for it any more: it will not be done in a moment. */
export const HOPELESS = 5;

/** Notes effects in the caller's transaction, with the rows that came from the same events. */
export const noteEffects = async (tx: Sql, effects: readonly ObjectEffect[]): Promise<void> => {
  if (effects.length === 0) return;
  await tx.query(
    `INSERT INTO object_effect (sequence, kind, scope, names)
      SELECT sequence, kind, scope, ARRAY(SELECT jsonb_array_elements_text(names))
      FROM unnest($1::bigint[], $2::text[], $3::text[], $4::jsonb[]) WITH ORDINALITY AS noted (sequence, kind, scope, names, place) ORDER BY place`,
    [
      effects.map(({ sequence }) => sequence),
      effects.map(({ kind }) => kind),
      effects.map(({ scope }) => scope),
      effects.map(({ names }) => JSON.stringify(names)),
    ],
  );
};

interface Row {
  readonly id: string;
  readonly sequence: string;
  readonly kind: EffectKind;
  readonly scope: string;
  readonly names: readonly string[];
  readonly failures: number;
}

const rowsOf = async <T>(sql: Sql, text: string, parameters: unknown[]): Promise<readonly T[]> =>
  (await sql.query(text, parameters)) as readonly T[];

/** The oldest effects, in order. @param without scopes that are left alone for now */
export const owedEffects = async (
  sql: Sql,
  limit: number,
  without: readonly string[] = [],
): Promise<readonly OwedEffect[]> => {
  const rows = await rowsOf<Row>(
    sql,
    'SELECT id, sequence, kind, scope, names, failures FROM object_effect WHERE scope <> ALL ($1::text[]) ORDER BY id LIMIT $2',
    [[...without], limit],
  );
  return rows.map((row) => ({ ...row, sequence: Number(row.sequence) }));
};

/** Prefixes of the staging area whose results wait to be published, oldest first. */
export const owedPrefixes = async (sql: Sql, limit: number): Promise<readonly string[]> => {
  const rows = await rowsOf<{ readonly prefix: string }>(
    sql,
    `SELECT prefix FROM object_effect, unnest(names) WITH ORDINALITY AS staged (prefix, place) WHERE kind = 'publish' ORDER BY id, place LIMIT $1`,
    [limit],
  );
  return rows.map(({ prefix }) => prefix);
};

/** Takes effects out. @returns those that were still there: nobody else has carried them out */
export const takeOut = async (sql: Sql, effects: readonly OwedEffect[]): Promise<readonly OwedEffect[]> => {
  const gone = await rowsOf<{ readonly id: string }>(
    sql,
    'WITH gone AS (DELETE FROM object_effect WHERE id = ANY ($1::bigint[]) RETURNING id) SELECT id FROM gone',
    [effects.map(({ id }) => id)],
  );
  const ids = new Set(gone.map(({ id }) => id));
  return effects.filter(({ id }) => ids.has(id));
};

/** Takes out expiries of buckets that are given up, as far as they are older than an effect: the next bucket of the name has other objects. */
export const dropExpiries = async (sql: Sql, scopes: readonly string[], beforeId: string): Promise<void> => {
  await sql.query(`DELETE FROM object_effect WHERE kind = 'expire' AND scope = ANY ($1::text[]) AND id < $2`, [
    [...scopes],
    beforeId,
  ]);
};

export const noteFailure = async (sql: Sql, { id }: OwedEffect, reason: string): Promise<void> => {
  await sql.query('UPDATE object_effect SET failures = failures + 1, reason = $2 WHERE id = $1', [id, reason]);
};

/** Whether anything up to a sequence is still to be done that may be done in a moment. */
export const isOwedUpTo = async (sql: Sql, sequence: number): Promise<boolean> => {
  const [row] = await rowsOf<{ readonly is_owed: boolean }>(
    sql,
    `SELECT EXISTS (SELECT FROM object_effect AS owed WHERE sequence <= $1 AND NOT EXISTS (
      SELECT FROM object_effect AS first WHERE first.scope = owed.scope AND first.id <= owed.id AND first.failures >= ${HOPELESS})) AS is_owed`,
    [sequence],
  );
  return row?.is_owed === true;
};

/** Effects that failed again and again. */
export interface FailingEffects {
  readonly count: number;
  /** The oldest one. */
  readonly scope: string;
  readonly kind: EffectKind;
  readonly failures: number;
  readonly reason: string;
}

export const failingEffects = async (sql: Sql): Promise<FailingEffects | undefined> => {
  const [row] = await rowsOf<Omit<FailingEffects, 'count'> & { readonly count: string }>(
    sql,
    `SELECT scope, kind, failures, reason, count(*) OVER () AS count FROM object_effect WHERE failures >= ${HOPELESS} ORDER BY id LIMIT 1`,
    [],
  );
  return row && { ...row, count: Number(row.count) };
};

const MOST_LISTED = 100;

/** The oldest effects as operators see them. */
export const listEffects = async (sql: Sql): Promise<OwedEffects> => {
  const rows = await rowsOf<Row & { readonly reason: string | null }>(
    sql,
    `SELECT id, sequence, kind, scope, failures, reason FROM object_effect ORDER BY id LIMIT ${MOST_LISTED}`,
    [],
  );
  return rows.map((row) => ({ ...row, sequence: Number(row.sequence) }));
};

/**
 * Gives up an effect on results, which stay where they are until their task is deleted, or on old objects, which are found again. What is owed to a bucket cannot be given up: its next owner would
 * find what is in it.
 * @returns whether it is gone; undefined when there is none
 */
export const giveUpEffect = async (sql: Sql, id: string): Promise<boolean | undefined> => {
  const [row] = await rowsOf<{ readonly is_there: boolean; readonly is_gone: boolean }>(
    sql,
    `WITH gone AS (DELETE FROM object_effect WHERE id = $1 AND kind IN ('publish', 'drop', 'expire') RETURNING id)
      SELECT EXISTS (SELECT FROM object_effect WHERE id = $1) AS is_there, EXISTS (SELECT FROM gone) AS is_gone`,
    [id],
  );
  return row?.is_there === true ? row.is_gone : undefined;
};
