import type { LeaseOrder } from '@fornax/contracts';
import type { S3Client } from '@fornax/s3';
import type { Over } from '../files/lower-tree.js';
import type { PathFilter } from '../files/path-filter.js';
import { UserError } from '../failure/user-error.js';
import type { Use } from './disk-share.js';
import { withPatience } from './patience.js';
import { ResultsGone } from './refusals.js';
import { ManifestDraft } from './result-manifest.js';
import {
  type Manifest,
  type UploadOptions,
  type UploadTarget,
  type Uploaded,
  NO_FILES,
  selectResults,
  uploadFiles,
} from './results.js';

/** A job whose command is over. */
export interface EndedJob {
  readonly jobDir: string;
  /** The job's folder as the instance saw it. */
  readonly seenAs: string;
  readonly before: Manifest;
  /** The tree that its files lie over, if they do. */
  readonly over?: Over | undefined;
  /** What the instance may have on the disk of its node. */
  readonly bound?: Use | undefined;
  readonly of: Pick<LeaseOrder, 'taskId' | 'instance' | 'attempt'>;
}

/** Where results go. */
export interface ResultsPlace {
  readonly s3: S3Client;
  /** The folder, as the beginning of keys. */
  readonly prefix: string | null;
  /** Whether it is the folder of this instance, not that of its task. */
  readonly isOwn: boolean;
}

const nothingKept = ({ leftOut }: Uploaded, failure: ResultsGone): Uploaded => ({ ...NO_FILES, leftOut, failure });

/** Stores the results of a job, and the list of them. Never rejects: `failure` says what went wrong, and the rest what was stored before. */
export const storeResults = async (
  placeOf: () => Promise<ResultsPlace>,
  { jobDir, seenAs, before, over, bound, of: { taskId, instance, attempt } }: EndedJob,
  filter: PathFilter,
  { signal, patience, bucket }: Pick<UploadTarget, 'bucket'> & Pick<UploadOptions, 'signal' | 'patience'>,
): Promise<Uploaded> => {
  try {
    const selection = await selectResults(jobDir, before, filter, { seenAs, signal, bound, over });
    if (selection.files.length + selection.leftOut.length === 0) return NO_FILES;
    const { s3, prefix, isOwn } = await placeOf();
    const draft = new ManifestDraft({ taskId, instance, attempt, bucket, folder: prefix ?? '' });
    const onStored: ManifestDraft['add'] = (...stored) => draft.add(...stored);
    const stored = await uploadFiles(
      s3,
      jobDir,
      selection,
      { bucket, prefix },
      {
        signal,
        onStored,
        ...(patience ? { patience } : {}),
      },
    );
    const uploaded = isOwn ? { ...stored, folder: prefix ?? '' } : stored;
    if (uploaded.failure instanceof ResultsGone) return nothingKept(uploaded, uploaded.failure);
    // What kept the files back, the storage above all, would keep their list back as well.
    if (uploaded.failure !== undefined && !(uploaded.failure instanceof UserError)) return uploaded;
    try {
      const isWhole = uploaded.failure === undefined;
      const store = (): Promise<string | undefined> => draft.store(s3, uploaded.leftOut, { isWhole, signal });
      const manifest = await withPatience(store, { signal, ...patience });
      return { ...uploaded, ...(manifest === undefined ? {} : { manifest }) };
    } catch (error) {
      if (error instanceof ResultsGone) return nothingKept(uploaded, error);
      return { ...uploaded, failure: uploaded.failure ?? error };
    }
  } catch (failure) {
    return { ...NO_FILES, failure };
  }
};
