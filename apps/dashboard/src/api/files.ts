import { ask, bare, decoded, linkFor, saidBy, textIn, type Asked } from './storage.ts';

/** A file in a bucket. */
export interface StoredFile {
  readonly key: string;
  readonly bytes: number;
  readonly changedAt: string;
  /** A mark of its content. */
  readonly etag: string;
}

/** What is in a folder: folders end with a slash. */
export interface Folder {
  readonly folders: readonly string[];
  readonly files: readonly StoredFile[];
  /** Where the next page begins. */
  readonly next: string | undefined;
}

interface Listing {
  readonly prefix: string;
  readonly after?: string | undefined;
  /** All that begins so, not only what lies in the folder. */
  readonly isDeep?: boolean;
}

/** One page of what is in a folder of a bucket. @throws Refused */
export const readFolder = async (bucket: string, { prefix, after, isDeep = false }: Listing): Promise<Folder> => {
  const query: Asked = {
    operation: 'list',
    ...(prefix === '' ? {} : { prefix }),
    ...(isDeep ? {} : { delimiter: '/' as const }),
    ...(after === undefined ? {} : { after }),
  };
  const document = await saidBy(await ask(bucket, query, 'GET'));
  return {
    folders: [...document.querySelectorAll('CommonPrefixes > Prefix')].map(({ textContent }) =>
      decoded(textContent ?? ''),
    ),
    files: [...document.querySelectorAll('Contents')].map((one) => ({
      key: decoded(textIn(one, 'Key')),
      bytes: Number(textIn(one, 'Size')),
      changedAt: textIn(one, 'LastModified'),
      etag: bare(textIn(one, 'ETag')),
    })),
    next: textIn(document, 'NextContinuationToken') || undefined,
  };
};

/** The object under a key; undefined when there is none. @throws Refused */
export const findFile = async (bucket: string, key: string): Promise<StoredFile | undefined> => {
  // The first one of all that begin so is the shortest.
  const { files } = await readFolder(bucket, { prefix: key, isDeep: true });
  return files[0]?.key === key ? files[0] : undefined;
};

/** Every file that begins so, page by page. */
export async function* filesBelow(bucket: string, prefix: string): AsyncGenerator<StoredFile> {
  for (let after: string | undefined, isMore = true; isMore;) {
    const { files, next } = await readFolder(bucket, { prefix, after, isDeep: true });
    yield* files;
    [after, isMore] = [next, next !== undefined];
  }
}

/** The content of a file. @param most bytes from its beginning; all of it without */
export const readFile = async (bucket: string, key: string, most?: number): Promise<Response> => {
  const headers = most === undefined ? {} : { range: `bytes=0-${most - 1}` };
  const response = await fetch(await linkFor(bucket, { operation: 'read', key }), { headers });
  // An empty file has no first byte to begin with.
  if (response.status === 416) return new Response('');
  if (!response.ok) await saidBy(response);
  return response;
};

/** @throws Refused */
export const removeFile = async (bucket: string, key: string): Promise<void> => {
  await saidBy(await ask(bucket, { operation: 'remove', key }, 'DELETE'));
};

/** Makes a bucket; one of one's own that is there already stays as it is. @throws Refused */
export const makeBucket = async (bucket: string): Promise<void> => {
  await saidBy(await ask(bucket, { operation: 'make' }, 'PUT'));
};
