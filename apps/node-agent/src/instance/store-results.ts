import type { S3Client } from '@fornax/s3';

import type { PathFilter } from '../files/path-filter.js';
import { type Manifest, type UploadTarget, type Uploaded, NO_FILES, selectResults, uploadFiles } from './results.js';

/** A job whose command is over. */
export interface EndedJob {
  readonly jobDir: string;
  /** The job's folder as the instance saw it. */
  readonly seenAs: string;
  readonly before: Manifest;
}

/** Stores the results of a job. Never rejects: `failure` says what went wrong, and the rest what was stored before. */
export const storeResults = async (
  storage: () => Promise<S3Client>,
  { jobDir, seenAs, before }: EndedJob,
  filter: PathFilter,
  { signal, ...target }: UploadTarget & { readonly signal: AbortSignal },
): Promise<Uploaded> => {
  try {
    const selection = await selectResults(jobDir, before, filter, { seenAs, signal });
    if (selection.files.length === 0) return { ...NO_FILES, leftOut: selection.leftOut };
    return await uploadFiles(await storage(), jobDir, selection, target, { signal });
  } catch (failure) {
    return { ...NO_FILES, failure };
  }
};
