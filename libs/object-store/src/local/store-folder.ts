import { open, readFile, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sql } from '../port/object-store.js';
import { markOf, orderOf } from './marks.js';
import { rowsOf } from './rows.js';

const MARK_FILE = 'mark';
/** Marks are left every ten seconds at most: these reach hours back, for a process that was paused between its two halves. */
const KEPT_MARKS = 5_000;
const PAYLOADS = /^[0-9a-f]{2}$/;

/**
 * How folder and index stand to each other. `whole`: they belong together. `gone`: the index knows a folder, and this is not it, or there is none.
 * `older`: the index knows of a mark that came to lie in the folder after the one that lies there now. `unindexed`: the folder was in use with an index that knew
 * more than this one (it is empty, or an older copy).
 */
export type Bond =
  | { readonly kind: 'whole' }
  | { readonly kind: 'gone'; readonly reason: string }
  | { readonly kind: 'older'; readonly reason: string }
  | { readonly kind: 'unindexed'; readonly reason: string };

const isMissing = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  (error.code === 'ENOENT' || error.code === 'ENOTDIR');

/** What the store needs of a TypeORM data source. */
export interface IndexDatabase extends Sql {
  transaction<T>(run: (tx: Sql) => Promise<T>): Promise<T>;
}

/** Nobody else leaves a mark meanwhile: their order in the folder would not be that of their rows. */
const LOCK = `hashtextextended('fornax object mark ' || current_schema(), 0)`;
/** False when somebody else does. */
const ALONE = {
  'or not': `SELECT pg_try_advisory_xact_lock(${LOCK}) AS is_alone`,
  'in turn': `SELECT pg_advisory_xact_lock(${LOCK}), true AS is_alone`,
};

/**
 * Ties the folder of files to its index: the last mark of the index lies in the folder, and each mark ever left there is a row of the index. An index that
 * does not know the folder's mark has lost something since; nothing may be swept away on its word.
 *
 * A mark is made (`n`), lies in the folder, and is known to (`placed`). A crash before the second leaves the one before in the folder, which is the last that
 * is known to lie there; one before the third leaves a mark that was made after that. Only a folder whose mark is behind the last that was placed is an older copy.
 */
export class StoreFolder {
  constructor(
    private readonly root: string,
    private readonly index: IndexDatabase,
    private readonly isDurable: boolean,
  ) {}

  /** Compares folder and index. Throws when the index cannot be asked. */
  async look(): Promise<Bond> {
    const mark = await this.#mark();
    const bond = await this.#bondOf(mark);
    // Another mark may have come to lie there between the two.
    return bond.kind === 'whole' || (await this.#mark()) === mark ? bond : this.#bondOf(await this.#mark());
  }

  async #bondOf(mark: string | undefined): Promise<Bond> {
    const [row] = await rowsOf(
      this.index,
      `SELECT EXISTS (SELECT FROM object_mark) AS has_marks, EXISTS (SELECT FROM object) AS has_objects,
        (SELECT coalesce(placed, n) FROM object_mark WHERE mark::text = $1) AS place,
        (SELECT max(placed) FROM object_mark) AS last_placed, (SELECT min(n) FROM object_mark) AS first`,
      [mark ?? ''],
    );
    const numberOf = (column: string): number | undefined =>
      row?.[column] === null || row?.[column] === undefined ? undefined : Number(row[column]);
    if (mark !== undefined) {
      const [place, last, first] = [numberOf('place'), numberOf('last_placed'), numberOf('first')];
      if (place !== undefined) return place >= (last ?? 0) ? { kind: 'whole' } : this.#older();
      if (first !== undefined && (orderOf(mark) ?? Infinity) < first) return this.#older();
      return {
        kind: 'unindexed',
        reason: 'the index in Postgres does not know the files on disk: it is empty or an older copy',
      };
    }
    if (row?.['has_marks'] === true) return { kind: 'gone', reason: await this.#whatIsMissing() };
    const payloads = await this.#hasPayloads();
    if (row?.['has_objects'] === true)
      return payloads === undefined ? { kind: 'gone', reason: await this.#whatIsMissing() } : { kind: 'whole' };
    return payloads === true
      ? { kind: 'unindexed', reason: 'the index in Postgres is empty, and there are files on disk' }
      : { kind: 'whole' };
  }

  #older(): Bond {
    return {
      kind: 'older',
      reason: `the folder ${this.root} is an older copy than the index in Postgres: files of objects that were stored since are missing`,
    };
  }

  async #mark(): Promise<string | undefined> {
    try {
      return (await readFile(join(this.root, MARK_FILE), 'utf8')).trim();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #whatIsMissing(): Promise<string> {
    const entries = await readdir(this.root).catch(() => undefined);
    return entries === undefined
      ? `the folder ${this.root} is gone`
      : `the folder ${this.root} is not the one that was used before: its file "${MARK_FILE}" is missing`;
  }

  /** Whether any payload lies in the folder; undefined when there is no folder. */
  async #hasPayloads(): Promise<boolean | undefined> {
    const folders = await readdir(this.root).catch(() => undefined);
    for (const name of folders ?? [])
      if (PAYLOADS.test(name) && (await readdir(join(this.root, name)).catch(() => [])).length > 0) return true;
    return folders && false;
  }

  /**
   * Leaves a new mark. The index knows it before the folder does, so that a crash between the two is no sign of a loss.
   * @returns false when another process is doing so and this one is not to wait for its turn
   */
  renew(alone: keyof typeof ALONE = 'or not'): Promise<boolean> {
    return this.index.transaction(async (tx) => {
      const [lock] = await rowsOf(tx, ALONE[alone]);
      if (lock?.['is_alone'] !== true) return false;
      await this.#leave(await this.#nextOrder());
      return true;
    });
  }

  /** Beyond the folder's own, which a lost index has counted to. */
  async #nextOrder(): Promise<number> {
    const inFolder = orderOf((await this.#mark()) ?? '') ?? 0;
    const [row] = await rowsOf(
      this.index,
      `SELECT setval('object_mark_order', greatest(nextval('object_mark_order'), $1::bigint + 1)) AS n`,
      [inFolder],
    );
    return Number(row?.['n']);
  }

  async #leave(order: number): Promise<void> {
    const mark = markOf(order);
    await this.index.query('INSERT INTO object_mark (mark, n) VALUES ($1, $2)', [mark, order]);
    const fresh = join(this.root, `${MARK_FILE}.${mark}`);
    const file = await open(fresh, 'wx', 0o600);
    try {
      await file.writeFile(`${mark}\n`);
      if (this.isDurable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, join(this.root, MARK_FILE));
    // A power cut must not take it out of the folder again once the index says that it lies there.
    if (this.isDurable) await syncFolder(this.root);
    await this.index.query(`UPDATE object_mark SET placed = nextval('object_mark_order') WHERE mark = $1`, [mark]);
    await this.index.query(
      `DELETE FROM object_mark WHERE mark IN (SELECT mark FROM object_mark ORDER BY coalesce(placed, n) DESC OFFSET ${KEPT_MARKS})`,
    );
  }
}

const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};
