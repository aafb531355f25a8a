import { Invalid, jsonOf } from '@fornax/base';

/** Where the next page begins: after this row, in this order. Rows that come or go in the meantime do not shift it. */
export interface PageToken {
  readonly orderBy: string;
  readonly isDescending: boolean;
  readonly key: string | number;
  readonly id: string;
}

/** Opaque for clients, and good for ever. */
export const encodePageToken = ({ orderBy, isDescending, key, id }: PageToken): string =>
  Buffer.from(JSON.stringify([orderBy, isDescending ? 1 : 0, key, id]), 'utf8').toString('base64url');

/** @throws Invalid for a token that was not made here */
export const decodePageToken = (token: string): PageToken => {
  const parts = jsonOf(Buffer.from(token, 'base64url'));
  if (Array.isArray(parts)) {
    const [orderBy, direction, key, id]: readonly unknown[] = parts;
    const isKey = isText(key) || (typeof key === 'number' && Number.isFinite(key));
    if (typeof orderBy === 'string' && (direction === 0 || direction === 1) && isKey && isText(id)) {
      return { orderBy, isDescending: direction === 1, key, id };
    }
  }
  throw new Invalid('The page token is not valid', { code: 'bad-page-token' });
};

/** Text that Postgres can take. */
const isText = (value: unknown): value is string => typeof value === 'string' && !value.includes('\0');
