import { contentMark } from './content-mark.ts';
import { Refused } from './client.ts';
import { findFile } from './files.ts';
import { again, isFinal, send } from './send.ts';
import { ask, linkFor, saidBy, textIn } from './storage.ts';
import {
  dropUpload,
  isKept,
  keptParts,
  mayBeOf,
  PART_BYTES,
  partsOf,
  unfinishedBelow,
  type KeptPart,
} from './unfinished.ts';

/** A file on its way into a bucket. */
export interface Upload {
  readonly bucket: string;
  readonly key: string;
  readonly file: Blob;
  /** One that is there already is replaced by it. */
  readonly replaces: boolean;
  /** The upload that it goes on with; without it one is looked for that has parts of this file. */
  readonly upload?: string | undefined;
  readonly onBytes: (sent: number) => void;
  readonly signal: AbortSignal;
}

/** The storage says so of a file that was to be new and is not. */
const PRECONDITION_FAILED = 412;

/** Whether a file was not stored because there is another one under its key. */
export const isThere = (error: unknown): boolean => error instanceof Refused && error.status === PRECONDITION_FAILED;

/** An upload, and what has come of it before. */
interface Begun {
  readonly upload: string;
  readonly kept: readonly KeptPart[];
}

/** What was named to go on with. @throws Refused where it is gone @throws Error where what came is not of this file */
const named = async (bucket: string, key: string, upload: string, parts: readonly Blob[]): Promise<Begun> => {
  const kept = await keptParts(bucket, { key, upload });
  if (await mayBeOf(kept, parts)) return { upload, kept };
  throw new Error('This is not the file that was on its way: nothing of it was sent');
};

/** An upload that has parts of this file already; undefined when there is none. */
const found = async (bucket: string, key: string, parts: readonly Blob[]): Promise<Begun | undefined> => {
  for (const one of await unfinishedBelow(bucket, key)) {
    const kept = one.key === key ? await keptParts(bucket, one) : [];
    if (kept.length > 0 && (await mayBeOf(kept, parts))) return { upload: one.upload, kept };
  }
  return undefined;
};

const begin = async (bucket: string, key: string): Promise<Begun> => {
  const document = await saidBy(await ask(bucket, { operation: 'begin', key }, 'POST'));
  return { upload: textIn(document, 'UploadId'), kept: [] };
};

/** Sends those parts of a file that have not come before. @returns the ETag of each */
const sendParts = async (
  { bucket, key, onBytes, signal }: Upload,
  { upload, kept }: Begun,
  parts: readonly Blob[],
): Promise<readonly string[]> => {
  const known = new Map(kept.map((one) => [one.number, one]));
  const etags: string[] = [];
  let before = 0;
  for (const [at, body] of parts.entries()) {
    signal.throwIfAborted();
    const there = known.get(at + 1);
    const onPart = (sent: number): void => onBytes(before + sent);
    const sendPart = async (): Promise<string> =>
      send(await linkFor(bucket, { operation: 'part', key, upload, from: at + 1 }), { body, onBytes: onPart, signal });
    etags.push(there && (await isKept(body, there)) ? there.etag : await again(sendPart, signal));
    before += body.size;
    onBytes(before);
  }
  return etags;
};

const complete = async ({ bucket, key }: Upload, upload: string, etags: readonly string[]): Promise<void> => {
  const list = etags.map((etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
  const whole = `<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`;
  const done = await saidBy(await ask(bucket, { operation: 'complete', key, upload }, 'POST', whole));
  // A failure at the end comes as a document, too: the answer had begun by then.
  if (done.documentElement.nodeName === 'Error') throw new Refused(500, textIn(done, 'Message'));
};

/** What breaks is kept, to go on with; what was refused is of no use to anybody, and dropped. */
const uploadInParts = async (wanted: Upload): Promise<void> => {
  const { bucket, key, file, replaces, signal } = wanted;
  // What is large is not sent for nothing.
  if (!replaces && (await findFile(bucket, key))) throw new Refused(PRECONDITION_FAILED, 'It is there already');
  const parts = partsOf(file);
  const begun =
    wanted.upload === undefined
      ? ((await found(bucket, key, parts)) ?? (await begin(bucket, key)))
      : await named(bucket, key, wanted.upload, parts);
  const { upload } = begun;
  try {
    const etags = await sendParts(wanted, begun, parts);
    await again(() => complete(wanted, upload, etags), signal);
  } catch (error) {
    if (isFinal(error)) await dropUpload(bucket, { key, upload }).catch(() => undefined);
    throw error;
  }
};

/** Stores what is small in one piece. The answer to a try may have been lost: what it stored is then what is there. */
const uploadWhole = async ({ bucket, key, file: body, replaces, onBytes, signal }: Upload): Promise<void> => {
  const store = async (failures: number): Promise<void> => {
    try {
      const url = await linkFor(bucket, { operation: 'store', key });
      await send(url, { body, isNew: !replaces, onBytes, signal });
    } catch (error) {
      if (failures === 0 || !isThere(error)) throw error;
      const there = await findFile(bucket, key);
      if (there?.bytes !== body.size || there.etag !== (await contentMark(body))) throw error;
    }
  };
  await again(store, signal);
};

/**
 * Stores a file under a key, in parts when it is large. Parts that came before, of an upload that was broken by whatever, are not sent again.
 * @throws Refused, `isThere` where it replaces none
 */
export const uploadFile = (upload: Upload): Promise<void> =>
  upload.file.size > PART_BYTES || upload.upload !== undefined ? uploadInParts(upload) : uploadWhole(upload);
