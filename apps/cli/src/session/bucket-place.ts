import { UsageError } from './connection.js';

/** A bucket, or a folder in it. */
export interface BucketPlace {
  readonly bucket: string;
  /** The beginning of keys: '' or with a slash at its end. */
  readonly prefix: string;
}

/** Reads `<bucket>` or `<bucket>/<rest>`. @throws UsageError */
export const splitPlace = (text: string): readonly [bucket: string, rest: string] => {
  const at = text.indexOf('/');
  const [bucket, rest] = at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
  if (bucket === '') throw new UsageError('Say <bucket> or <bucket>/<folder>.');
  return [bucket, rest];
};

/** Reads a place whose rest is a folder: `shots` and `shots/` mean the same. @throws UsageError */
export const placeOf = (text: string): BucketPlace => {
  const [bucket, prefix] = splitPlace(text);
  return { bucket, prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/` };
};
