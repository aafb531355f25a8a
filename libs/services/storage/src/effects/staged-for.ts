import type { ObjectStore } from '@fornax/object-store';
import { STAGING_BUCKET } from '../model/bucket-names.js';

const PAGE = 1_000;

/**
 * Lists the prefixes of the staging area, `<task>/<lease>/<bucket>/`, that hold results for one of these buckets, whether the end of their lease is
 * committed or not.
 */
export const stagedFor = async (store: ObjectStore, buckets: readonly string[]): Promise<readonly string[]> => {
  const prefixes = new Set<string>();
  let after: string | undefined;
  do {
    const page = await store.list(STAGING_BUCKET, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    for (const { key } of page.objects) {
      const [task = '', lease = '', bucket = ''] = key.split('/');
      if (buckets.includes(bucket)) prefixes.add(`${task}/${lease}/${bucket}/`);
    }
    after = page.next;
  } while (after !== undefined);
  return [...prefixes];
};
