import { contentMark } from './content-mark.ts';
import { ask, bare, decoded, saidBy, textIn } from './storage.ts';

/** An upload in parts that has begun, and neither came to its end nor was dropped. */
export interface Unfinished {
  readonly key: string;
  readonly upload: string;
  readonly begunAt: string;
}

/** A part that the storage has. */
export interface KeptPart {
  readonly number: number;
  readonly bytes: number;
  readonly etag: string;
}

/** Uploads that began and did not end, of all that begins so; the newest first, and no more than the storage tells at once. @throws Refused */
export const unfinishedBelow = async (bucket: string, prefix: string): Promise<readonly Unfinished[]> => {
  const query = { operation: 'uploads' as const, ...(prefix === '' ? {} : { prefix }) };
  const document = await saidBy(await ask(bucket, query, 'GET'));
  return [...document.querySelectorAll('Upload')]
    .map((one) => ({
      key: decoded(textIn(one, 'Key')),
      upload: textIn(one, 'UploadId'),
      begunAt: textIn(one, 'Initiated'),
    }))
    .toSorted((one, other) => other.begunAt.localeCompare(one.begunAt));
};

/** What has come of an upload. @throws Refused */
export const keptParts = async (
  bucket: string,
  { key, upload }: Pick<Unfinished, 'key' | 'upload'>,
): Promise<readonly KeptPart[]> => {
  const kept: KeptPart[] = [];
  for (let from: number | undefined = 1; from !== undefined;) {
    const document = await saidBy(await ask(bucket, { operation: 'parts', key, upload, from }, 'GET'));
    for (const part of document.querySelectorAll('Part'))
      kept.push({
        number: Number(textIn(part, 'PartNumber')),
        bytes: Number(textIn(part, 'Size')),
        etag: bare(textIn(part, 'ETag')),
      });
    from =
      textIn(document, 'IsTruncated') === 'true' ? Number(textIn(document, 'NextPartNumberMarker')) + 1 : undefined;
  }
  return kept;
};

/** Gives an upload up: what has come of it is gone. @throws Refused */
export const dropUpload = async (
  bucket: string,
  { key, upload }: Pick<Unfinished, 'key' | 'upload'>,
): Promise<void> => {
  await saidBy(await ask(bucket, { operation: 'cancel', key, upload }, 'DELETE'));
};

/** Larger files go up in parts of this size. */
export const PART_BYTES = 16 * 1024 * 1024;
const MOST_PARTS = 10_000;

/** A file in the parts in which it goes up: the same ones each time, so that those that came are found again. */
export const partsOf = (file: Blob): readonly Blob[] => {
  const bytes = Math.max(PART_BYTES, Math.ceil(file.size / MOST_PARTS));
  return Array.from({ length: Math.max(1, Math.ceil(file.size / bytes)) }, (_, at) =>
    file.slice(at * bytes, (at + 1) * bytes),
  );
};

/** Whether the storage has this very content as a part. */
export const isKept = async (part: Blob, kept: KeptPart | undefined): Promise<boolean> =>
  kept !== undefined && kept.bytes === part.size && kept.etag === (await contentMark(part));

/** Whether what has come may be of this file: as many parts of the right sizes, and the content of the first one. Nothing may be of any file. */
export const mayBeOf = async (kept: readonly KeptPart[], parts: readonly Blob[]): Promise<boolean> => {
  const [first] = kept;
  if (first === undefined) return true;
  if (kept.some(({ number, bytes }) => parts[number - 1]?.size !== bytes)) return false;
  const part = parts[first.number - 1];
  return part !== undefined && isKept(part, first);
};
