/** Bytes `start` to `end`, both inclusive and inside the object. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What a Range header asks for: from a byte on, to another and it included perhaps, or the last ones. */
export type RangeWish =
  | { readonly kind: 'from'; readonly first: number; readonly last: number | undefined }
  | { readonly kind: 'last'; readonly bytes: number };

/** A position that no object reaches stands for every one beyond it. */
const position = (text: string): number => Math.min(Number(text), Number.MAX_SAFE_INTEGER);

/**
 * Reads a Range header (RFC 9110, section 14).
 * @returns undefined for the whole: no header, one that is malformed or has several ranges (both may be ignored)
 */
export const parseRangeHeader = (header: string | undefined): RangeWish | undefined => {
  const [, first = '', last = ''] = /^bytes=(\d{0,40})-(\d{0,40})$/.exec((header ?? '').trim()) ?? [];
  if (first === '') return last === '' ? undefined : { kind: 'last', bytes: position(last) };
  if (last === '') return { kind: 'from', first: position(first), last: undefined };
  return position(last) < position(first) ? undefined : { kind: 'from', first: position(first), last: position(last) };
};

/**
 * The range that a Range header asks of an object whose size is known.
 * @returns undefined for the whole object; 'unsatisfiable' when the range begins behind the end
 */
export const parseRange = (header: string | undefined, sizeBytes: number): ByteRange | 'unsatisfiable' | undefined => {
  const wish = parseRangeHeader(header);
  if (!wish) return undefined;
  const end = sizeBytes - 1;
  if (wish.kind === 'last')
    return wish.bytes === 0 || sizeBytes === 0 ? 'unsatisfiable' : { start: Math.max(sizeBytes - wish.bytes, 0), end };
  if (wish.first >= sizeBytes) return 'unsatisfiable';
  return { start: wish.first, end: wish.last === undefined ? end : Math.min(wish.last, end) };
};
