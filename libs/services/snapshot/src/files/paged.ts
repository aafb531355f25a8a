/** Where something of an instance stands: by instance, then by path. */
export interface FilePlace {
  readonly instance: number;
  readonly path: string;
}

export interface Page<T> {
  readonly data: readonly T[];
  /** Behind which the next page begins; null: there is no more. */
  readonly nextAfter: string | null;
}

/** Most letters of a place: a path has at most 4,096 bytes, and base64url makes four letters of three of them. */
export const MAX_PLACE_CHARS = 5_500;
/** Base64url, so that any path fits into an address: percent-encoded it could be longer than an HTTP server takes. */
export const PLACE_TEXT = /^[A-Za-z0-9_-]+$/;
const PLACE = /^(\d{1,10}):(.*)$/s;

const placeText = ({ instance, path }: FilePlace): string => Buffer.from(`${instance}:${path}`).toString('base64url');

/** @returns undefined where it is none that a page named */
export const placeIn = (text: string): FilePlace | undefined => {
  const [, instance, path] = PLACE.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  return instance === undefined || path === undefined ? undefined : { instance: Number(instance), path };
};

/** Instances that are read ahead. */
const AT_ONCE = 4;

/**
 * Reads one page of what instances have, some of them at a time, and none behind the page.
 * @param instances in their order
 * @param read what one of them has, in the order of paths
 */
export const pageOf = async <T extends FilePlace>(
  instances: readonly number[],
  read: (instance: number) => Promise<readonly T[]>,
  { after, limit }: { readonly after: FilePlace | undefined; readonly limit: number },
): Promise<Page<T>> => {
  const rest = instances.filter((instance) => instance >= (after?.instance ?? 0));
  const data: T[] = [];
  for (let from = 0; from < rest.length && data.length < limit; from += AT_ONCE)
    for (const some of await Promise.all(rest.slice(from, from + AT_ONCE).map(read)))
      for (const one of some)
        if (data.length < limit && (one.instance !== after?.instance || one.path > after.path)) data.push(one);
  const last = data.length < limit ? undefined : data.at(-1);
  return { data, nextAfter: last ? placeText(last) : null };
};
