import { compareKeys } from '../port/keys.js';
import type { FoundOld, ObjectStore, OldObjects } from '../port/object-store.js';

const PAGE = 1_000;
type Listed = Pick<ObjectStore, 'list' | 'deleteMany'>;

const pagesOf = async function* (store: Listed, bucket: string, prefix: string, after?: string) {
  let from = after;
  do {
    const page = await store.list(bucket, { prefix, limit: PAGE, ...(from === undefined ? {} : { after: from }) });
    yield page.objects;
    from = page.next;
  } while (from !== undefined);
};

/** Finds objects that are older than an instant, page by page, as the service lists them (see `ObjectStore.findOld`). */
export const findOldIn = async (
  store: Listed,
  bucket: string,
  { prefix, after, before }: OldObjects,
  limit: number,
): Promise<FoundOld> => {
  const found = { objects: 0, bytes: 0, names: [] as string[] };
  let [through, nextAt]: [string | undefined, Date | undefined] = [undefined, undefined];
  for await (const objects of pagesOf(store, bucket, prefix, after)) {
    for (const { key, sizeBytes, modifiedAt } of objects) {
      if (modifiedAt > before) {
        if (nextAt === undefined || modifiedAt < nextAt) nextAt = modifiedAt;
        continue;
      }
      found.objects += 1;
      found.bytes += sizeBytes;
      if (found.names.length < 10) found.names.push(key);
      through = key;
      if (found.objects === limit) return { ...found, through, hasMore: true };
    }
  }
  return { ...found, hasMore: false, ...(through === undefined ? {} : { through }), ...(nextAt ? { nextAt } : {}) };
};

/**
 * Deletes what `findOldIn` found. Between the look at a page and its deletion lies a moment in which an object that is stored anew is not seen.
 */
export const deleteOldIn = async (
  store: Listed,
  bucket: string,
  { prefix, after, before, through }: OldObjects & { readonly through: string },
): Promise<void> => {
  for await (const objects of pagesOf(store, bucket, prefix, after)) {
    const upTo = objects.filter(({ key }) => compareKeys(key, through) <= 0);
    const old = upTo.filter(({ modifiedAt }) => modifiedAt <= before).map(({ key }) => key);
    if (old.length > 0) await store.deleteMany(bucket, old);
    if (upTo.length < objects.length) return;
  }
};
