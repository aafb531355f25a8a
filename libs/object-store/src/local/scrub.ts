import type { ObjectsScrub } from '@fornax/contracts';
import { splitPlace } from '../port/keys.js';
import { ObjectDamaged, type ObjectReader, type Place, type Sql } from '../port/object-store.js';
import { rowsOf, textOf } from './rows.js';

export interface ScrubOptions {
  /** The object to go on behind, as `<bucket>/<key>`; from the beginning when absent. */
  readonly after?: string;
  /** No further object is begun after that. */
  readonly maxMs: number;
  /** Most bytes to read in a second, on the average. */
  readonly bytesPerSecond: number;
  readonly signal?: AbortSignal;
}

export interface ScrubParts {
  readonly index: Sql;
  readonly get: (place: Place) => Promise<ObjectReader | undefined>;
  /** Milliseconds that only grow. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

const PAGE = 100;

const placesBehind = async (index: Sql, after: Place | undefined): Promise<readonly Place[]> => {
  const rows = await rowsOf(
    index,
    `SELECT bucket, key FROM object WHERE (bucket, key) > ($1, $2) ORDER BY bucket, key LIMIT ${PAGE}`,
    [after?.bucket ?? '', after?.key ?? ''],
  );
  return rows.map((row) => ({ bucket: textOf(row, 'bucket'), key: textOf(row, 'key') }));
};

/** Codes of the system about one file: a bad sector, a damaged file system, something else in its place, or rights that somebody took away. */
const OF_A_FILE: ReadonlySet<string> = new Set('EIO EBADMSG EUCLEAN EISDIR ELOOP EACCES EPERM ENXIO'.split(' '));

/** What is wrong with the object itself; undefined: the store cannot be read now. */
const reasonOf = (error: unknown): string | undefined => {
  if (error instanceof ObjectDamaged) return error.reason;
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return OF_A_FILE.has(code) ? `a file of it cannot be read (${code})` : undefined;
};

/**
 * Reads objects to their ends, in the order of their places, and tells of which the bytes are not what was stored.
 * @returns what was found, and where to go on
 */
export const scrub = async (
  { index, get, now, sleep }: ScrubParts,
  { after, maxMs, bytesPerSecond, signal }: ScrubOptions,
): Promise<Omit<ObjectsScrub, 'orphans'>> => {
  const beganAt = now();
  const found: { objects: number; bytes: number; findings: ObjectsScrub['findings'] } = {
    objects: 0,
    bytes: 0,
    findings: [],
  };
  const pace = async (): Promise<void> => {
    signal?.throwIfAborted();
    const aheadMs = (found.bytes / bytesPerSecond) * 1000 - (now() - beganAt);
    if (aheadMs > 0) await sleep(aheadMs);
  };
  let last = after === undefined ? undefined : splitPlace(after);
  for (;;) {
    const places = await placesBehind(index, last);
    for (const place of places) {
      if (found.objects > 0 && now() - beganAt >= maxMs)
        return { ...found, next: last ? `${last.bucket}/${last.key}` : null };
      const reader = await get(place);
      last = place;
      if (!reader) continue; // it was deleted meanwhile
      found.objects += 1;
      try {
        for await (const chunk of await reader.read()) {
          found.bytes += (chunk as Uint8Array).byteLength;
          await pace();
        }
      } catch (error) {
        const reason = reasonOf(error);
        if (reason === undefined) throw error;
        // One that was replaced or deleted while it was read is another object, or none.
        const current = await get(place);
        if (
          current?.info.etag === reader.info.etag &&
          current.info.modifiedAt.getTime() === reader.info.modifiedAt.getTime()
        )
          found.findings.push({ ...place, etag: reader.info.etag, reason });
      }
    }
    if (places.length < PAGE) return { ...found, next: null };
  }
};
