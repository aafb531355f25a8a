import { createHash } from 'node:crypto';
import { MANIFESTS } from '@fornax/client';
import type { S3Client } from '@fornax/s3';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';
import { fetchFile, type Found, makeFolder, UNNAMABLE, type WantedFile } from '../transfer/fetch-file.js';
import { sumOfFile } from '../transfer/file-sums.js';
import { type About, transferAll } from '../transfer/transfer-all.js';
import type { WantedObject } from './wanted.js';

/** The bytes of a list of files, as a node signed it off. @throws Error it is not the one that the log names */
export const listBytes = async (
  s3: S3Client,
  taskId: string,
  digest: string,
  signal: AbortSignal,
): Promise<Uint8Array> => {
  const bytes = await s3.getBytes(MANIFESTS, `${taskId}/${digest}.json`, { signal });
  if (createHash('sha256').update(bytes).digest('hex') !== digest)
    throw new Error('The list of files in storage is not the one that the event log names');
  return bytes;
};

export const rightsText = (mode: number): string => mode.toString(8).padStart(3, '0');

const WRONG = {
  ...UNNAMABLE,
  missing: 'is not in the storage any more',
  changed: 'holds other bytes than the instance stored',
} as const;
const isWrong = (how: Found): how is keyof typeof WRONG => how in WRONG;

const wantedFile = ({ sums, ...object }: WantedObject): WantedFile => ({
  ...object,
  isRight: async (file) => sums.has(await sumOfFile(file, 'sha256')),
});

/** Brings an object into a folder. A path that ends with a slash is of an empty folder. */
export const bring = (s3: S3Client, object: WantedObject, folder: string, about: About): Promise<Found> =>
  object.path.endsWith('/')
    ? makeFolder(folder, object.path.slice(0, -1))
    : fetchFile(s3, wantedFile(object), folder, about);

/** How a look at many objects ended. */
interface Outcome {
  readonly files: number;
  /** What is as it was stored, and of these what was there already. */
  readonly whole: number;
  readonly alreadyThere: number;
  readonly wrong: readonly { readonly object: string; readonly problem: string }[];
}

/** Does something to every object, some at a time; the exit code is 1 if anything is wrong. */
export const forEachListed = async (
  io: Io,
  objects: readonly WantedObject[],
  parallel: number,
  work: (object: WantedObject, about: About) => Promise<Found>,
): Promise<Outcome> => {
  const found = new Map<Found, WantedObject[]>();
  await transferAll(io, objects, parallel, async (object, about) => {
    const how = await work(object, about);
    const alike = found.get(how);
    if (alike) alike.push(object);
    else found.set(how, [object]);
  });
  const countOf = (how: Found): number => found.get(how)?.length ?? 0;
  const wrong = [...found].flatMap(([how, those]) =>
    isWrong(how) ? those.map(({ bucket, key }) => ({ object: `${bucket}/${key}`, problem: WRONG[how] })) : [],
  );
  if (wrong.length > 0) io.setExitCode(1);
  const alreadyThere = countOf('there');
  return { files: objects.length, whole: countOf('whole') + alreadyThere, alreadyThere, wrong };
};

/** @param where what is said of those that are as they should be */
export const printOutcome = (io: Io, { files, whole, wrong }: Outcome, what: string, where: string): void => {
  for (const { object, problem } of wrong) io.print(`${harmlessLine(object)} ${problem}`);
  io.print(`${whole} of ${files} ${what} ${where}`);
};
