import { eachLimited } from '@fornax/base';
import { MOST_NAMED_RESULTS } from '@fornax/contracts';
import { type S3Client, S3Error } from '@fornax/s3';

import { type JobFile, isFolder } from '../files/job-files.js';
import { type JobLink, type LeftOut, type ListOptions, listFiles } from '../files/list-files.js';
import { filterPaths, type PathFilter } from '../files/path-filter.js';
import { rightsIn } from '../files/rights.js';
import type { UserError } from '../failure/user-error.js';
import { bundlesOf, storeTogether } from './bundles.js';
import type { End } from './told.js';
import type { Stored, Use } from './disk-share.js';
import { type Patience, withPatience } from './patience.js';
import { refusalOf, refusesOne } from './refusals.js';
import { ResultsRoom } from './results-room.js';
import { storeFile } from './store-file.js';

/** Uploads at a time: a small file costs a way there and back, a large one the line; a bundle is many small ones. */
const PARALLEL = { bundles: 4, small: 24, large: 4 } as const;
const LARGE_BYTES = 1_048_576;

/** What lay in the job before its command began: path to version. */
export type Manifest = ReadonlyMap<string, string>;

export const manifestOf = async (jobDir: string, options: ListOptions): Promise<Manifest> =>
  new Map((await listFiles(jobDir, options)).files.map(({ path, version }) => [path, version]));

/** What the filter lets through of what the command made. */
export interface Selection {
  readonly files: readonly JobFile[];
  /** Links of the job to something that is in it. */
  readonly links: readonly JobLink[];
  /** What would be a result if it were a file inside of the job. */
  readonly leftOut: readonly LeftOut[];
  /** For the files, and for what they grow by before they are stored. */
  readonly room: ResultsRoom;
}

export interface SelectOptions extends ListOptions {
  /** What the instance may have on the disk of its node. */
  readonly bound?: Use | undefined;
  /** Default `results`. */
  readonly what?: Stored;
}

/** All folders in which something lay. */
const foldersOf = (before: Manifest): ReadonlySet<string> => {
  const folders = new Set<string>();
  for (const path of before.keys())
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) folders.add(path.slice(0, end + 1));
  return folders;
};

/** Files and empty folders that the command made or changed. A folder that it emptied is none. */
const changedIn = (files: readonly JobFile[], before: Manifest): readonly JobFile[] => {
  const changed = files.filter(({ path, version }) => before.get(path) !== version);
  if (before.size === 0 || !changed.some(isFolder)) return changed;
  const had = foldersOf(before);
  return changed.filter((file) => !isFolder(file) || !had.has(file.path));
};

/** Files that the command made or changed, and that the filter lets through. @throws UserError also when they hold more than the instance may have */
export const selectResults = async (
  jobDir: string,
  before: Manifest,
  filter: PathFilter,
  { bound, what = 'results', ...options }: SelectOptions,
): Promise<Selection> => {
  const { files, links, leftOut } = await listFiles(jobDir, options);
  const changed = changedIn(files, before);
  const selected = new Set(
    await filterPaths(
      [...changed, ...leftOut].map(({ path }) => path),
      filter,
    ),
  );
  const isSelected = ({ path }: { readonly path: string }): boolean => selected.has(path);
  const chosen = changed.filter(isSelected);
  return { files: chosen, links, leftOut: leftOut.filter(isSelected), room: new ResultsRoom(chosen, bound, what) };
};

export interface UploadTarget {
  readonly bucket: string;
  readonly prefix: string | null;
}

export interface Uploaded {
  readonly files: number;
  readonly bytes: number;
  /** Paths of the first files, in their order: as many as a report names. */
  readonly paths: readonly string[];
  /** The folder that they are relative to, where it is not that of the task. */
  readonly folder?: string;
  /** SHA-256 of the list of all of them, in hex, if there is one. */
  readonly manifest?: string;
  /** Also files that had gone by then, could not be read, or changed all the time. */
  readonly leftOut: readonly LeftOut[];
  /** What ended it, or kept single files back: a UserError when storage refused for good. */
  readonly failure?: unknown;
}

export const NO_FILES: Uploaded = { files: 0, bytes: 0, paths: [], leftOut: [] };

/** What the report of an end says of results. */
export const reportOf = ({
  files,
  bytes,
  paths,
  folder,
  manifest,
}: Uploaded): Pick<End, 'uploadedFiles' | 'uploadedBytes' | 'results' | 'folder' | 'manifest'> => ({
  uploadedFiles: files,
  uploadedBytes: bytes,
  ...(paths.length === 0 ? {} : { results: [...paths] }),
  ...(folder === undefined ? {} : { folder }),
  ...(manifest === undefined ? {} : { manifest }),
});

export interface UploadOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
  /** With a storage that fails. */
  readonly patience?: Omit<Patience, 'signal'>;
  /** Told of each file that was stored, with its bytes and their SHA-256 in hex. */
  readonly onStored?: (file: JobFile, bytes: number, sha256: string) => void;
  /** Whether programs of the instance still run. Default false. */
  readonly isLive?: boolean;
}

/**
 * Uploads the files, a few at a time, each as it is at one moment. A file that is gone by then is left out, and so is one of which there is no such moment. A file that storage refuses for its own sake does not keep the others
 * back; anything else ends the upload. Never rejects: what was stored counts, whatever came after it.
 */
export const uploadFiles = async (
  s3: S3Client,
  jobDir: string,
  { files, leftOut, room }: Selection,
  target: UploadTarget,
  { signal, onProgress = () => undefined, onStored, patience, isLive = false }: UploadOptions,
): Promise<Uploaded> => {
  let [count, bytes] = [0, 0];
  const missed = [...leftOut];
  const paths: string[] = [];
  let refusal: UserError | undefined;
  const patiently = <T>(work: () => Promise<T>): Promise<T> => withPatience(work, { signal, ...patience });
  const mayRead = await rightsIn(jobDir).catch(() => undefined);
  const note = (file: JobFile, stored: number, sha256: string): void => {
    onStored?.(file, stored, sha256);
    bytes += stored;
    count += 1;
    if (paths.length < MOST_NAMED_RESULTS) paths.push(file.path);
    onProgress(bytes);
  };
  const store = async (file: JobFile): Promise<void> => {
    try {
      const came = await storeFile(s3, jobDir, file, target, {
        signal,
        patiently,
        room,
        mayRead,
        isLive,
      });
      if ('why' in came) missed.push({ path: file.path, why: came.why });
      else note(came.file, came.bytes, came.sha256);
    } catch (error) {
      if (!(error instanceof S3Error) || !refusesOne(error)) throw error;
      refusal ??= refusalOf(error, file, target);
    }
  };
  let failure: unknown;
  const storeOrSay = (file: JobFile): Promise<void> =>
    store(file).catch((error: unknown) => {
      throw error instanceof S3Error ? (refusalOf(error, file, target) ?? error) : error;
    });
  const stored = new Set<JobFile>();
  const storeBundle = async (bundle: readonly JobFile[]): Promise<void> => {
    for (const { file, bytes: content, sha256 } of await storeTogether(s3, jobDir, bundle, target, {
      signal,
      patiently,
      mayRead,
      isLive,
    })) {
      stored.add(file);
      note(file, content.byteLength, sha256);
    }
  };
  try {
    await eachLimited(bundlesOf(files), PARALLEL.bundles, storeBundle);
    const rest = files.filter((file) => !stored.has(file));
    const { small = [], large = [] } = Object.groupBy(rest, ({ sizeBytes }) =>
      sizeBytes < LARGE_BYTES ? 'small' : 'large',
    );
    await eachLimited(small, PARALLEL.small, storeOrSay);
    await eachLimited(large, PARALLEL.large, storeOrSay);
  } catch (error) {
    failure = error;
  }
  const reason = failure ?? refusal;
  return {
    files: count,
    bytes,
    paths: paths.sort(),
    leftOut: missed,
    ...(reason === undefined ? {} : { failure: reason }),
  };
};
