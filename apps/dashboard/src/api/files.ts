import { api, bodyOf, Refused } from './client.ts';
import type { paths } from './schema.d.ts';
import type { Read } from './wire.ts';

type Links = Read<'/fornax/v1/buckets/{bucket}/links'>;
type Asked = paths['/fornax/v1/buckets/{bucket}/links']['get']['parameters']['query'];

/** A file in a bucket. */
export interface StoredFile {
  readonly key: string;
  readonly bytes: number;
  readonly changedAt: string;
}

/** What is in a folder: folders end with a slash. */
export interface Folder {
  readonly folders: readonly string[];
  readonly files: readonly StoredFile[];
  /** Where the next page begins. */
  readonly next: string | undefined;
}

/** Links to the S3 endpoint for one thing to do: the page itself has no keys to sign with. @throws Refused */
export const linksFor = (bucket: string, query: Asked): Promise<Links> =>
  bodyOf(api.GET('/fornax/v1/buckets/{bucket}/links', { params: { path: { bucket }, query } }));

export const linkFor = async (bucket: string, query: Asked): Promise<string> =>
  (await linksFor(bucket, query)).urls[0] ?? '';

/** What the S3 endpoint says is an XML document, read as data: nothing of it becomes a part of the page. */
const xmlOf = (text: string): Document =>
  // What is no document becomes one that says so in a style of its own, which the policy of the page refuses.
  text === '' ? new Document() : new DOMParser().parseFromString(text, 'application/xml');
const textIn = (node: Element | Document, name: string): string => node.querySelector(name)?.textContent ?? '';

const saidBy = async (response: Response): Promise<Document> => {
  const document = xmlOf(await response.text());
  if (!response.ok) throw new Refused(response.status, textIn(document, 'Message') || 'The storage said no');
  return document;
};

const ask = async (
  bucket: string,
  query: Asked,
  method: string,
  body?: BodyInit,
  signal?: AbortSignal,
): Promise<Response> =>
  fetch(await linkFor(bucket, query), {
    method,
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
  });

/** Keys come with their characters escaped as in an address, so that XML can hold all of them. */
const decoded = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));

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
    })),
    next: textIn(document, 'NextContinuationToken') || undefined,
  };
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

/** A file on its way into a bucket. */
export interface Upload {
  readonly bucket: string;
  readonly key: string;
  readonly file: Blob;
  /** One that is there already is replaced by it. */
  readonly replaces: boolean;
  readonly onBytes: (sent: number) => void;
  readonly signal: AbortSignal;
}

/** The storage says so of a file that was to be new and is not. */
const PRECONDITION_FAILED = 412;

/** Whether a file was not stored because there is another one under its key. */
export const isThere = (error: unknown): boolean => error instanceof Refused && error.status === PRECONDITION_FAILED;

interface Body {
  readonly body: Blob;
  /** Refused where there is something already. */
  readonly isNew?: boolean;
  readonly onBytes: (sent: number) => void;
  readonly signal: AbortSignal;
}

/** Sends a body and tells how far it is, which `fetch` does not. @returns the ETag */
const send = (url: string, { body, isNew = false, onBytes, signal }: Body): Promise<string> => {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const request = new XMLHttpRequest();
  const stop = (): void => request.abort();
  request.open('PUT', url);
  if (isNew) request.setRequestHeader('if-none-match', '*');
  request.upload.onprogress = ({ loaded }) => onBytes(loaded);
  request.onload = () => {
    if (request.status === 200) return resolve(request.getResponseHeader('etag') ?? '');
    reject(new Refused(request.status, textIn(xmlOf(request.responseText), 'Message') || 'The storage said no'));
  };
  request.onerror = () => reject(new Error('The connection was lost'));
  request.onabort = () => reject(new DOMException('It was stopped', 'AbortError'));
  signal.addEventListener('abort', stop, { once: true });
  request.onloadend = () => signal.removeEventListener('abort', stop);
  if (signal.aborted) stop();
  else request.send(body);
  return promise;
};

/** Larger files go up in parts of this size. */
const PART_BYTES = 16 * 1024 * 1024;
const MOST_PARTS = 10_000;
const TRIES = 4;

const partBytesOf = (bytes: number): number => Math.max(PART_BYTES, Math.ceil(bytes / MOST_PARTS));

/** Tries again what a lost connection broke; what was refused stays refused. */
const again = async <T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> => {
  for (let failures = 1; ; failures += 1) {
    try {
      return await run();
    } catch (error) {
      if (signal.aborted || failures === TRIES || (error instanceof Refused && error.status < 500)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** failures));
    }
  }
};

/** Whether there is an object under a key. @throws Refused */
const exists = async (bucket: string, key: string): Promise<boolean> => {
  // The first one of all that begin so is the shortest.
  const { files } = await readFolder(bucket, { prefix: key, isDeep: true });
  return files[0]?.key === key;
};

/** Sends all parts of a file. @returns the ETag of each */
const sendParts = async (
  { bucket, key, file, onBytes, signal }: Upload,
  upload: string,
): Promise<readonly string[]> => {
  const partBytes = partBytesOf(file.size);
  const etags: string[] = [];
  for (let from = 0; from < file.size; from += partBytes) {
    const body = file.slice(from, from + partBytes);
    const number = etags.length + 1;
    const sendPart = async (): Promise<string> =>
      send(await linkFor(bucket, { operation: 'part', key, upload, from: number }), {
        body,
        onBytes: (sent) => onBytes(from + sent),
        signal,
      });
    etags.push(await again(sendPart, signal));
  }
  return etags;
};

const complete = async ({ bucket, key }: Upload, upload: string, etags: readonly string[]): Promise<void> => {
  const list = etags.map(
    (etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag.replaceAll('"', '')}</ETag></Part>`,
  );
  const whole = `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`;
  const done = await saidBy(await ask(bucket, { operation: 'complete', key, upload }, 'POST', whole));
  // A failure at the end comes as a document, too: the answer had begun by then.
  if (done.documentElement.nodeName === 'Error') throw new Refused(500, textIn(done, 'Message'));
};

const uploadInParts = async (wanted: Upload): Promise<void> => {
  const { bucket, key, replaces } = wanted;
  // What is large is not sent for nothing.
  if (!replaces && (await exists(bucket, key))) throw new Refused(PRECONDITION_FAILED, 'It is there already');
  const begun = await saidBy(await ask(bucket, { operation: 'begin', key }, 'POST'));
  const upload = textIn(begun, 'UploadId');
  try {
    await complete(wanted, upload, await sendParts(wanted, upload));
  } catch (error) {
    // What came is of no use to anybody any more; that nothing answers now changes nothing about that.
    await ask(bucket, { operation: 'cancel', key, upload }, 'DELETE').catch(() => undefined);
    throw error;
  }
};

/** Stores a file under a key, in parts when it is large; a part that a lost connection broke is sent again. @throws Refused, `isThere` where it replaces none */
export const uploadFile = async (upload: Upload): Promise<void> => {
  const { bucket, key, file: body, replaces, onBytes, signal } = upload;
  if (body.size > PART_BYTES) return uploadInParts(upload);
  const isNew = !replaces;
  const store = async (): Promise<string> =>
    send(await linkFor(bucket, { operation: 'store', key }), { body, isNew, onBytes, signal });
  await again(store, signal);
};
