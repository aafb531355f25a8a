import type { S3Client } from '@fornax/s3';

import { eachLimited } from '../files/each-limited.js';
import { type JobFile, listFiles, openFile } from '../files/job-files.js';
import { filterPaths, type PathFilter } from '../files/path-filter.js';

const PARALLEL = 4;

/** What lay in the job before its command began: path to version. */
export type Manifest = ReadonlyMap<string, string>;

export const manifestOf = async (jobDir: string): Promise<Manifest> =>
  new Map((await listFiles(jobDir)).map(({ path, version }) => [path, version]));

/** Files that the command made or changed, and that the filter lets through. @throws UserError */
export const selectResults = async (
  jobDir: string,
  before: Manifest,
  filter: PathFilter,
): Promise<readonly JobFile[]> => {
  const changed = (await listFiles(jobDir)).filter(({ path, version }) => before.get(path) !== version);
  const selected = new Set(
    await filterPaths(
      changed.map(({ path }) => path),
      filter,
    ),
  );
  return changed.filter(({ path }) => selected.has(path));
};

export interface UploadTarget {
  readonly bucket: string;
  readonly prefix: string | null;
}

/** Uploads the files, a few at a time. A file that is gone by then is left out. @throws S3Error */
export const uploadFiles = async (
  s3: S3Client,
  jobDir: string,
  files: readonly JobFile[],
  target: UploadTarget,
  signal: AbortSignal,
  onProgress: (bytes: number) => void = () => undefined,
): Promise<{ readonly files: number; readonly bytes: number }> => {
  let count = 0;
  let bytes = 0;
  await eachLimited(files, PARALLEL, async ({ path }) => {
    const file = await openFile(jobDir, path);
    if (!file) return;
    try {
      const uploaded = await s3.upload(target.bucket, (target.prefix ?? '') + path, file, { signal });
      // Added after the await: `bytes += await …` would forget what other uploads added meanwhile.
      bytes += uploaded;
      count += 1;
      onProgress(bytes);
    } finally {
      await file.close();
    }
  });
  return { files: count, bytes };
};
