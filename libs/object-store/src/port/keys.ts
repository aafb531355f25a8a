import { MAX_KEY_BYTES, StoreRefusal } from './object-store.js';

const LAST_CODE_POINT = 0x10ffff;
const isSurrogate = (codePoint: number): boolean => codePoint >= 0xd800 && codePoint <= 0xdfff;

/** Order of keys: that of their UTF-8 bytes, as S3 and Postgres' collation "C" have it (JavaScript's own order differs beyond U+FFFF). */
export const compareKeys = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** The least text greater than every text that begins with `prefix`; undefined when there is none. */
export const afterPrefix = (prefix: string): string | undefined => {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.length > 0) {
    const last = points.pop() ?? 0;
    if (last >= LAST_CODE_POINT) continue;
    const next = isSurrogate(last + 1) ? 0xe000 : last + 1;
    return String.fromCodePoint(...points, next);
  }
  return undefined;
};

/** The common prefix that a listing shows instead of `key`, if any. */
export const rolledUp = (key: string, prefix: string, delimiter: string): string | undefined => {
  if (delimiter === '') return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
};

/** @throws StoreRefusal KeyTooLong */
export const assertKeyFits = (key: string, maxBytes = MAX_KEY_BYTES): void => {
  if (Buffer.byteLength(key) > maxBytes) throw new StoreRefusal('KeyTooLong', `a key has at most ${maxBytes} bytes`);
};

/** Splits `<bucket>/<key>`; undefined when there is no bucket or no key. */
export const splitPlace = (path: string): { readonly bucket: string; readonly key: string } | undefined => {
  const slash = path.indexOf('/');
  if (slash <= 0 || slash === path.length - 1) return undefined;
  return { bucket: path.slice(0, slash), key: path.slice(slash + 1) };
};
