import { Invalid } from '@fornax/base';
import { parseRangeHeader } from '@fornax/s3';
import type { OutputRange } from '../queries/range-reader.js';

/** What a query says, not yet read. */
export interface RangeQuery {
  readonly offset?: unknown;
  readonly limit?: unknown;
}

/** Which bytes are wanted; `to` is exclusive. `isHttpRange`: by the header, so the answer is one to it (RFC 9110, section 14). */
export type RangeWish =
  | { readonly kind: 'from'; readonly from: number; readonly to: number | undefined; readonly isHttpRange: boolean }
  | { readonly kind: 'last'; readonly bytes: number; readonly isHttpRange: true };

const countIn = (name: string, value: unknown): number | undefined => {
  if (value === undefined || value === '') return undefined;
  const text = String(value);
  if (!/^\d{1,15}$/.test(text)) throw new Invalid(`${name} must be a whole number of at least 0`);
  return Number(text);
};

/**
 * The query counts before the header; a header that is no single range of bytes is passed over, as the RFC asks.
 * @throws Invalid
 */
export const rangeOf = ({ offset, limit, range }: RangeQuery & { readonly range: string | undefined }): RangeWish => {
  const [from, count] = [countIn('offset', offset), countIn('limit', limit)];
  const asked = from === undefined && count === undefined ? parseRangeHeader(range) : undefined;
  if (asked?.kind === 'from')
    return {
      kind: 'from',
      from: asked.first,
      to: asked.last === undefined ? undefined : asked.last + 1,
      isHttpRange: true,
    };
  if (asked) return { ...asked, isHttpRange: true };
  const start = from ?? 0;
  return { kind: 'from', from: start, to: count === undefined ? undefined : start + count, isHttpRange: false };
};

/** At least one of the bytes is there. */
export const isSatisfiable = (wish: RangeWish, found: OutputRange): boolean =>
  wish.kind === 'last'
    ? found.totalBytes > 0 && wish.bytes > 0
    : wish.from < found.totalBytes && found.offset < found.nextOffset;
