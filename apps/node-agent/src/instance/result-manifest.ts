import { createHash } from 'node:crypto';
import type { ResultManifest } from '@fornax/contracts';
import { S3Error, type S3Client } from '@fornax/s3';
import type { JobFile } from '../files/job-files.js';
import type { LeftOut } from '../files/list-files.js';
import { ResultsGone } from './refusals.js';

/** Name of the area on the wire (see the storage service). */
export const MANIFESTS_AREA = '.manifests';

/** Bytes of what is said of files that were left out: unlike results they cost nobody's quota, and a loop makes half a million links. */
const MOST_LEFT_OUT_BYTES = 1_048_576;

/** As much of what was left out as there is room for, and how many more there are. */
export const namedLeftOut = (leftOut: readonly LeftOut[]): Pick<ResultManifest, 'leftOut' | 'leftOutUnnamed'> => {
  let left = MOST_LEFT_OUT_BYTES;
  const named = leftOut.map(({ path, why }) => ({ path, why }));
  const end = named.findIndex((one) => (left -= Buffer.byteLength(JSON.stringify(one)) + 1) < 0);
  return end === -1 ? { leftOut: named } : { leftOut: named.slice(0, end), leftOutUnnamed: named.length - end };
};

type File = ResultManifest['files'][number];

/** Gathers what was stored of one attempt, and stores the list of it. */
export class ManifestDraft {
  readonly #files: File[] = [];

  constructor(
    private readonly about: Omit<ResultManifest, 'format' | 'files' | 'leftOut' | 'leftOutUnnamed' | 'isWhole'>,
  ) {}

  add({ path, mode }: JobFile, size: number, sha256: string): void {
    this.#files.push({ path, size, mode: mode & 0o7777, sha256 });
  }

  /**
   * Stores it.
   * @returns its SHA-256 in hex; undefined when the storage takes none, for want of room or as one of an earlier version
   * @throws ResultsGone
   * @throws Error the storage fails
   */
  async store(
    s3: S3Client,
    leftOut: readonly LeftOut[],
    { isWhole, signal }: { readonly isWhole: boolean; readonly signal: AbortSignal },
  ): Promise<string | undefined> {
    const manifest: ResultManifest = {
      format: 1,
      ...this.about,
      isWhole,
      files: this.#files.sort((a, b) => (a.path < b.path ? -1 : 1)),
      ...namedLeftOut(leftOut),
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    const digest = createHash('sha256').update(bytes).digest('hex');
    const key = `${this.about.taskId}/${digest}.json`;
    try {
      await s3.putObject(MANIFESTS_AREA, key, bytes, { contentType: 'application/json', signal });
      return digest;
    } catch (error) {
      // What was stored is gone again: a list of it would say that it is there. The storage alone knows what happened to the bucket.
      if (error instanceof S3Error && error.code === 'InvalidBucketState')
        throw new ResultsGone(`The results are not kept. ${error.message}`);
      if (error instanceof S3Error && error.status < 500) return undefined;
      throw error;
    }
  }
}
