import { randomBytes, randomUUID } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { NewTask } from '@fornax/client';
import { placeOf, type BucketPlace } from '../session/bucket-place.js';
import { UsageError } from '../session/connection.js';
import { storageOf } from '../session/storage.js';
import type { Io } from '../terminal/io.js';
import { directivesIn, quotedWord, type Directive } from './script.js';

const FILES_AT_A_TIME = 16;
/** Where the script lies in the folder of an instance. */
const SCRIPT_FOLDER = '.fornax';

type Resource = NonNullable<NewTask['advancedResourceBuckets']>[number];

/** Names the buckets of submissions. */
const PREFIX = 'fornax-submit-';

/** What comes along with one submission: a folder of its own in a bucket of the account. */
interface Baggage {
  /** The bucket, chosen when the first asks for it. */
  readonly bucket: () => Promise<string>;
  /** Names the submission within the bucket. */
  readonly id: string;
}

/**
 * Chooses the bucket of an account's submissions: one of its own, or a new name that nobody can guess. Names are everybody's, and whoever has made a bucket
 * may share it with others: what is stored in one that is not our own could be read, and be another script when it runs.
 */
const ownBucket = async (io: Io): Promise<string> => {
  const s3 = await storageOf(io);
  try {
    const own = await s3.listBuckets({ signal: io.signal });
    return own.filter((name) => name.startsWith(PREFIX)).sort()[0] ?? PREFIX + randomBytes(8).toString('hex');
  } finally {
    s3.close();
  }
};

/** Chooses where the files of a submission go, if it has any. */
export const baggageOf = (io: Io): Baggage => {
  let chosen: Promise<string> | undefined;
  return { id: randomUUID(), bucket: () => (chosen ??= ownBucket(io)) };
};

const below = async ({ bucket, id }: Baggage, folder: string): Promise<BucketPlace> => ({
  bucket: await bucket(),
  prefix: `${id}/${folder}/`,
});

/** All objects of a place, without the folder that they are in. */
const resourceOf = ({ bucket, prefix }: BucketPlace): Resource => ({
  bucketName: bucket,
  ...(prefix === ''
    ? {}
    : { filtering: { prefixFiltering: { prefix } }, resourcesTransformation: { stripPrefix: { prefix } } }),
});

const isFolderHere = (text: string): Promise<boolean> =>
  stat(text).then(
    (facts) => facts.isDirectory(),
    () => false,
  );

/** Whether a place is on this machine: it is written as a path (`./x`, `/x`), or is a folder here; else it is a bucket. */
export const isLocal = async (text: string): Promise<boolean> =>
  /^(?:\.{1,2}(?:\/|$)|\/|~)/.test(text) || (await isFolderHere(text));

const store = async (io: Io, from: string, place: BucketPlace): Promise<void> => {
  const { uploadFolder } = await import('../transfer/upload-folder.js');
  const { missed } = await uploadFolder(io, () => storageOf(io), from, place, FILES_AT_A_TIME);
  const [first] = missed;
  if (first !== undefined) throw new UsageError(`Nothing was submitted: ${first.path} was not stored, ${first.why}.`);
};

/** Inputs of a task: folders of this machine are stored first. */
export const inputsOf = async (io: Io, baggage: Baggage, from: readonly string[]): Promise<readonly Resource[]> => {
  const resources: Resource[] = [];
  for (const [index, text] of from.entries()) {
    const place = (await isLocal(text)) ? await below(baggage, `in-${index}`) : undefined;
    if (place) await store(io, text, place);
    resources.push(resourceOf(place ?? placeOf(text)));
  }
  return resources;
};

export interface Results {
  /** Fields of the task. */
  readonly fields: Pick<NewTask, 'resultBucket' | 'resultsBucketPrefix'>;
  /** Where they come from and go to once the task is over; undefined: they stay in their bucket. */
  readonly bring?: { readonly place: BucketPlace; readonly folder: string };
}

/** Where results go. Of many instances each has a folder of its own, since they write files of the same names. */
export const resultsOf = async (baggage: Baggage, to: string | undefined, hasMany: boolean): Promise<Results> => {
  if (to === undefined) return { fields: {} };
  const isHere = await isLocal(to);
  const place = isHere ? await below(baggage, 'out') : placeOf(to);
  const resultsBucketPrefix = `${place.prefix}${hasMany ? '${INSTANCE_ID}/' : ''}`;
  return {
    fields: { resultBucket: place.bucket, ...(resultsBucketPrefix === '' ? {} : { resultsBucketPrefix }) },
    ...(isHere ? { bring: { place, folder: to } } : {}),
  };
};

export interface ScriptFile {
  /** Its path. */
  readonly file: string;
  readonly name: string;
  readonly directives: readonly Directive[];
  /** Whether its first line says what runs it. */
  readonly hasInterpreter: boolean;
}

/** Reads a script. @throws UsageError there is none */
export const readScript = async (file: string): Promise<ScriptFile> => {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`Cannot read the script: ${error instanceof Error ? error.message : String(error)}`);
  });
  const name = basename(resolve(file));
  return { file, name, directives: directivesIn(text, name), hasInterpreter: text.startsWith('#!') };
};

/** Stores a script and says how a task runs it: any size, by the program that its first line names, else by a shell. */
export const shipScript = async (
  io: Io,
  baggage: Baggage,
  { file, name, hasInterpreter }: ScriptFile,
  args: readonly string[],
): Promise<Pick<NewTask, 'profile' | 'constants' | 'advancedResourceBuckets'>> => {
  const place = await below(baggage, 'script');
  await store(io, file, { ...place, prefix: `${place.prefix}${SCRIPT_FOLDER}/` });
  const words = [`./${SCRIPT_FOLDER}/${name}`, ...args].map(quotedWord).join(' ');
  // It may not be executable here, nor there: a shell that reads it needs no right but to read.
  const runs = hasInterpreter
    ? `chmod +x ${quotedWord(`./${SCRIPT_FOLDER}/${name}`)}; exec ${words}`
    : `exec /bin/sh ${words}`;
  return {
    profile: 'shell',
    constants: [{ key: 'SHELL_SCRIPT', value: runs }],
    advancedResourceBuckets: [resourceOf(place)],
  };
};
