import { compareKeys } from '../port/keys.js';
import { listPage } from '../port/listing.js';
import type { ListOptions, Listing, ObjectInfo } from '../port/object-store.js';
import { entryOf } from './answers.js';
import { PAGE, type S3Service } from './s3-service.js';
import { fromWire, wireKey, wirePrefix } from './wire-keys.js';

const GREATEST = '\u{10ffff}';

/** Lists objects of ours as the service lists its keys. */
export class S3Listing {
  constructor(private readonly service: S3Service) {}

  /** As the port says. */
  async list(bucket: string, options: ListOptions): Promise<Listing> {
    const { prefix = '', delimiter = '', after = '', limit } = options;
    // The spelling of keys keeps no other delimiter where it is.
    if (delimiter !== '' && delimiter !== '/') return this.#rollUp(bucket, options);
    const isPrefix =
      delimiter !== '' && after.endsWith(delimiter) && after.length > prefix.length && after.startsWith(prefix);
    const startAfter = isPrefix ? `${wirePrefix(after)}${GREATEST}` : wireKey(after);
    // One more than wanted: some servers say that there is more whenever a page is full.
    const wanted = Math.min(limit, PAGE - 1);
    const { objects, prefixes, isTruncated } = await this.#page(
      bucket,
      wirePrefix(prefix),
      delimiter,
      after === '' ? '' : startAfter,
      wanted + 1,
    );
    const entries = [...objects.map(({ key }) => key), ...prefixes].sort(compareKeys);
    const kept = entries.slice(0, wanted);
    const last = kept.at(-1);
    const isKept = (key: string): boolean => last !== undefined && compareKeys(key, last) <= 0;
    return {
      objects: objects.filter(({ key }) => isKept(key)),
      prefixes: prefixes.filter(isKept),
      ...(last !== undefined && (isTruncated || entries.length > kept.length) ? { next: last } : {}),
    };
  }

  /** What the service lists, in our keys. */
  async #page(bucket: string, prefix: string, delimiter: string, startAfter: string, maxKeys: number) {
    const from = startAfter === '' ? '' : `${bucket}/${startAfter}`;
    const page = await this.service.client.listObjectsV2Query(
      this.service.bucket,
      `${bucket}/${prefix}`,
      '',
      delimiter,
      maxKeys,
      from,
    );
    const entries = page.objects
      .map(entryOf)
      .map(({ key, info }) => ({ key: fromWire(key.slice(bucket.length + 1)), info }));
    const objects = entries
      .flatMap(({ key, info }) => (info ? [{ key, ...info }] : []))
      .sort((a, b) => compareKeys(a.key, b.key));
    const prefixes = entries.flatMap(({ key, info }) => (info ? [] : [key])).sort(compareKeys);
    return { objects, prefixes, isTruncated: page.isTruncated };
  }

  #rollUp(bucket: string, options: ListOptions): Promise<Listing> {
    return listPage(async ({ from, isExclusive, to, limit }) => {
      const startAfter = isExclusive ? wireKey(from) : wirePrefix(from);
      const found: ObjectInfo[] = [];
      // Read full pages until there are enough: a short page means the end to the caller.
      for (let at = startAfter; ;) {
        const { objects, isTruncated } = await this.#page(bucket, wirePrefix(options.prefix ?? ''), '', at, PAGE);
        found.push(...objects.filter(({ key }) => to === undefined || compareKeys(key, to) < 0));
        const last = objects.at(-1);
        if (!isTruncated || last === undefined || found.length >= limit) return found.slice(0, limit);
        at = wireKey(last.key);
      }
    }, options);
  }

  /** All objects below a prefix, a page at a time. */
  async *pages(bucket: string, prefix: string): AsyncGenerator<readonly ObjectInfo[]> {
    let after: string | undefined;
    do {
      const page: Listing = await this.list(bucket, { prefix, limit: PAGE, ...(after === undefined ? {} : { after }) });
      yield page.objects;
      after = page.next;
    } while (after !== undefined);
  }
}
