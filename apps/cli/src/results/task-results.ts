import type { EndedInstance, ResultManifest } from '@fornax/client';
import { parseManifest } from '@fornax/client/documents';
import type { S3Client } from '@fornax/s3';
import { checkObject } from './check-object.js';
import { bring, forEachListed, listBytes, printOutcome, rightsText } from './listed-files.js';
import { haveOwnFolders, wantedObjects } from './wanted.js';
import { UsageError } from '../session/connection.js';
import { storageOf } from '../session/storage.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

export interface ResultsOptions {
  readonly instance?: number;
  readonly verify?: boolean;
  readonly download?: string;
  readonly parallel: number;
  readonly json?: boolean;
}

/** The list of an instance's results. @throws Error */
const manifestOf = async (...of: Parameters<typeof listBytes>): Promise<ResultManifest> =>
  parseManifest(await listBytes(...of));

interface Lists {
  readonly manifests: readonly ResultManifest[];
  /** Instances that stored files and no list of them. */
  readonly unlisted: readonly number[];
  /** Instances that failed and stored nothing. */
  readonly failed: readonly EndedInstance[];
  readonly hasOwnFolders: boolean;
}

const MOST_NAMED = 20;

const listsOf = async (io: Io, s3: S3Client, id: string, instance: number | undefined): Promise<Lists> => {
  const { uuid, resultsBucketPrefix } = await io.client().getTask(id);
  const manifests: ResultManifest[] = [];
  const unlisted: number[] = [];
  const all: EndedInstance[] = [];
  for await (const ended of io.client().results.ended(uuid)) all.push(ended);
  const wanted = instance === undefined ? all : all.filter(({ instanceId }) => instanceId === instance);
  if (instance !== undefined && wanted.length === 0) {
    io.tell(`Instance ${instance} has not ended, or is none of this task: see fornax task instances.`);
    io.setExitCode(1);
  }
  for (const { instanceId, manifest, uploadedFiles } of wanted)
    if (manifest) manifests.push(await manifestOf(s3, uuid, manifest, io.signal));
    else if ((uploadedFiles ?? 0) > 0) unlisted.push(instanceId);
  let hasOwnFolders = haveOwnFolders(manifests);
  // Most often the first of the others tells.
  if (instance !== undefined && manifests.length > 0 && resultsBucketPrefix?.includes('${') === true)
    for (const { instanceId, manifest } of all) {
      if (hasOwnFolders) break;
      if (!manifest || instanceId === instance) continue;
      hasOwnFolders = haveOwnFolders([...manifests, await manifestOf(s3, uuid, manifest, io.signal)]);
    }
  const failed = wanted.filter(({ state, manifest }) => state === 'failed' && !manifest);
  return { manifests, unlisted, failed, hasOwnFolders };
};

/** Says whose results are not there, and that this is no success. */
const tellFailed = (io: Io, failed: readonly EndedInstance[]): void => {
  if (failed.length === 0) return;
  for (const { instanceId, error } of failed.slice(0, MOST_NAMED))
    io.tell(
      `Instance ${instanceId} failed and stored no results${error ? `: ${error.code}, ${harmlessLine(error.message)}` : '.'}`,
    );
  if (failed.length > MOST_NAMED) io.tell(`${failed.length - MOST_NAMED} more failed and stored no results.`);
  io.setExitCode(1);
};

const list = (io: Io, manifests: readonly ResultManifest[]): void => {
  const rows = manifests.flatMap(({ instance, bucket, folder, files }) =>
    files.map(({ path, size, mode, sha256 }) => [
      instance,
      size,
      rightsText(mode),
      sha256.slice(0, 16),
      `${bucket}/${folder}${path}`,
    ]),
  );
  io.table([['INSTANCE', 'BYTES', 'MODE', 'SHA-256', 'OBJECT'], ...rows]);
  for (const { instance, leftOut, leftOutUnnamed = 0 } of manifests) {
    for (const { path, why } of leftOut) io.print(`instance ${instance}: left out (${why}): ${harmlessLine(path)}`);
    if (leftOutUnnamed > 0) io.print(`instance ${instance}: left out: ${leftOutUnnamed} more`);
  }
};

/** Lists, verifies or downloads the results of a task. */
export const results = async (
  io: Io,
  id: string,
  { instance, verify, download, parallel, json }: ResultsOptions,
): Promise<void> => {
  if (verify === true && download !== undefined)
    throw new UsageError('Say --verify or --download: what is downloaded is verified.');
  const s3 = await storageOf(io);
  try {
    const { manifests, unlisted, failed, hasOwnFolders } = await listsOf(io, s3, id, instance);
    for (const number of unlisted)
      io.tell(`Instance ${number} has results and no list of them: it ran before there were any. Its bucket has them.`);
    tellFailed(io, failed);
    const partial = manifests.filter(({ isWhole }) => !isWhole);
    for (const part of partial)
      io.tell(`Instance ${part.instance}: its upload was ended, these are not all of its results.`);
    if (unlisted.length + partial.length > 0) io.setExitCode(1);
    if (verify !== true && download === undefined) return json === true ? io.document(manifests) : list(io, manifests);
    const objects = wantedObjects(manifests, hasOwnFolders);
    const outcome = await forEachListed(io, objects, parallel, (object, about) =>
      download === undefined ? checkObject(s3, object, about) : bring(s3, object, download, about),
    );
    if (json === true) return io.document(outcome);
    const there = `are in ${download ?? ''} (${outcome.alreadyThere} were there)`;
    printOutcome(io, outcome, 'results', download === undefined ? 'are what the instances stored' : there);
  } finally {
    s3.close();
  }
};
