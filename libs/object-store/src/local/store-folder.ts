import { randomUUID } from 'node:crypto';
import { open, readFile, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sql } from '../object-store.js';
import { rowsOf } from './rows.js';

const MARK_FILE = 'mark';
/** Marks are left every ten seconds at most: these reach hours back, for a process that was paused between its two halves. */
const KEPT_MARKS = 5_000;
const PAYLOADS = /^[0-9a-f]{2}$/;

/**
 * How folder and index stand to each other. `whole`: they belong together. `gone`: the index knows a folder, and this is not it, or there is none.
 * `unindexed`: the folder was in use with an index that knew more than this one (it is empty, or an older copy).
 */
export type Bond =
  | { readonly kind: 'whole' }
  | { readonly kind: 'gone'; readonly reason: string }
  | { readonly kind: 'unindexed'; readonly reason: string };

const isMissing = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  (error.code === 'ENOENT' || error.code === 'ENOTDIR');

/**
 * Ties the folder of files to its index: the last mark of the index lies in the folder, and each mark ever left there is a row of the index. An index that
 * does not know the folder's mark has lost something since; nothing may be swept away on its word.
 */
export class StoreFolder {
  constructor(
    private readonly root: string,
    private readonly index: Sql,
    private readonly isDurable: boolean,
  ) {}

  /** Compares folder and index. Throws when the index cannot be asked. */
  async look(): Promise<Bond> {
    const mark = await this.#mark();
    const [row] = await rowsOf(
      this.index,
      `SELECT EXISTS (SELECT FROM object_mark) AS has_marks, EXISTS (SELECT FROM object) AS has_objects,
        EXISTS (SELECT FROM object_mark WHERE mark::text = $1) AS is_known`,
      [mark ?? ''],
    );
    if (mark !== undefined)
      return row?.['is_known'] === true
        ? { kind: 'whole' }
        : {
            kind: 'unindexed',
            reason: 'the index in Postgres does not know the files on disk: it is empty or an older copy',
          };
    if (row?.['has_marks'] === true) return { kind: 'gone', reason: await this.#whatIsMissing() };
    const payloads = await this.#hasPayloads();
    if (row?.['has_objects'] === true)
      return payloads === undefined ? { kind: 'gone', reason: await this.#whatIsMissing() } : { kind: 'whole' };
    return payloads === true
      ? { kind: 'unindexed', reason: 'the index in Postgres is empty, and there are files on disk' }
      : { kind: 'whole' };
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

  /** Leaves a new mark. The index knows it before the folder does, so that a crash between the two is no sign of a loss. */
  async renew(): Promise<void> {
    const mark = randomUUID();
    await this.index.query('INSERT INTO object_mark (mark) VALUES ($1)', [mark]);
    const fresh = join(this.root, `${MARK_FILE}.${mark}`);
    const file = await open(fresh, 'wx', 0o600);
    try {
      await file.writeFile(`${mark}\n`);
      if (this.isDurable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, join(this.root, MARK_FILE));
    await this.index.query(
      `DELETE FROM object_mark WHERE mark IN (SELECT mark FROM object_mark ORDER BY at DESC OFFSET ${KEPT_MARKS})`,
    );
  }
}
