import type { ObjectStore } from '@fornax/object-store';
import { STAGING_BUCKET } from '../model/bucket-names.js';

const PAGE = 1_000;

/**
 * Lists the prefixes of the staging area, `<task>/<lease>/<bucket>/`, that hold results for one of these buckets, or parts of uploads that are not
 * completed, whether the end of their lease is committed or not.
 */
export const stagedFor = async (store: ObjectStore, buckets: readonly string[]): Promise<readonly string[]> => {
  const prefixes = new Set<string>();
  const note = ({ key }: { readonly key: string }): void => {
    const [task = '', lease = '', bucket = ''] = key.split('/');
    if (buckets.includes(bucket)) prefixes.add(`${task}/${lease}/${bucket}/`);
  };
  let after: string | undefined;
  do {
    const page = await store.list(STAGING_BUCKET, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    page.objects.forEach(note);
    after = page.next;
  } while (after !== undefined);
  (await store.listUploads(STAGING_BUCKET)).forEach(note);
  return [...prefixes];
};
