import { ARCHIVE_ROOT, type ArchiveEnd } from '@fornax/domain';
import { SegmentDamaged, type OpenSegment } from '@fornax/event-store';
import type { ArchiveObjects, StoredSegment } from './archive-objects.js';

/** Where a walk along the chain is. `hash` is undefined behind a segment that is damaged: nobody knows then what the next one is chained to. */
export interface WalkPlace extends Omit<ArchiveEnd, 'hash'> {
  readonly hash: string | undefined;
}
export const WALK_START: WalkPlace = ARCHIVE_ROOT;

export type WalkStep =
  | { readonly kind: 'segment'; readonly key: string; readonly segment: OpenSegment & { readonly sizeBytes: number } }
  | { readonly kind: 'damaged'; readonly number: number; readonly key: string; readonly damage: SegmentDamaged }
  | { readonly kind: 'missing'; readonly number: number }
  | { readonly kind: 'end' };

/**
 * Finds the segment that follows a place: the one of the highest fork that is chained to it. Segments that follow none are of a way that the log has
 * left.
 * @param known what the log says follows, if it says anything
 */
export const nextSegment = async (
  objects: ArchiveObjects,
  epoch: string,
  { number, hash, to }: WalkPlace,
  known: { readonly key: string } | undefined,
): Promise<WalkStep> => {
  const wanted = number + 1;
  const found: StoredSegment[] = [];
  let isBehind = false;
  for await (const stored of objects.from(epoch, wanted)) {
    if (stored.number > wanted) {
      isBehind = true;
      break;
    }
    found.push(stored);
  }
  let damaged: WalkStep | undefined;
  const among = known === undefined ? [...found].reverse() : found.filter(({ key }) => key === known.key);
  for (const { key } of among) {
    try {
      const segment = await objects.open(key);
      if (segment === undefined) continue;
      const { header } = segment;
      if (known === undefined && hash !== undefined && header.previous !== hash) continue;
      const wrong =
        header.epoch !== epoch || header.number !== wanted
          ? `it is segment ${header.number} of log ${header.epoch}`
          : header.from !== to + 1
            ? `it begins at sequence ${header.from}, and the one before ends at ${to}`
            : hash !== undefined && header.previous !== hash
              ? 'it is chained to another segment than the one before'
              : undefined;
      if (wrong === undefined) return { kind: 'segment', key, segment };
      damaged ??= { kind: 'damaged', number: wanted, key, damage: new SegmentDamaged(0, header.from, wrong) };
    } catch (error) {
      if (!(error instanceof SegmentDamaged)) throw error;
      damaged ??= { kind: 'damaged', number: wanted, key, damage: error };
    }
  }
  if (damaged !== undefined) return damaged;
  if (known !== undefined || (found.length === 0 && isBehind)) return { kind: 'missing', number: wanted };
  return { kind: 'end' };
};
