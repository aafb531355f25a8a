import { createHash } from 'node:crypto';

import {
  type InputManifest,
  inputManifestName,
  MOST_INPUT_MANIFEST_BYTES,
  MOST_RECORDED_INPUTS,
  type RecordedInput,
} from '@fornax/contracts';
import { S3Error, type S3Client } from '@fornax/s3';

import type { BroughtInput, Inputs } from './inputs.js';
import { withPatience } from './patience.js';
import { MANIFESTS_AREA } from './result-manifest.js';

const MOST_REMEMBERED = 10_000;

const recordOf = ([path, { bucket, key, etag, lastModified, sizeBytes, sha256, isExecutable }]: readonly [
  string,
  BroughtInput,
]): RecordedInput => ({
  path,
  bucket,
  key,
  etag,
  lastModified,
  size: sizeBytes,
  ...(sha256 === undefined ? {} : { sha256 }),
  isExecutable: isExecutable ?? false,
});

/** Lists inputs as an object of the storage. The same inputs make the same bytes. @returns undefined: they are too many */
export const inputManifestOf = (inputs: Inputs, isRefreshed: boolean): Buffer | undefined => {
  if (inputs.size > MOST_RECORDED_INPUTS) return undefined;
  const manifest: InputManifest = {
    format: 1,
    objects: [...inputs].sort(([a], [b]) => (a < b ? -1 : 1)).map(recordOf),
    ...(isRefreshed ? { refreshed: true } : {}),
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return bytes.length > MOST_INPUT_MANIFEST_BYTES ? undefined : bytes;
};

/** Stores lists of inputs: one that many instances of a task have is stored once by each node. */
export class InputRecords {
  readonly #stored = new Set<string>();

  /**
   * Waits for a storage that fails, as results do.
   * @returns the SHA-256 of the list in hex; undefined when the storage takes none, as one of an earlier version
   * @throws Error the storage fails for too long
   */
  async store(
    s3: () => Promise<S3Client>,
    taskId: string,
    bytes: Buffer,
    patience: Parameters<typeof withPatience>[1],
  ): Promise<string | undefined> {
    const digest = createHash('sha256').update(bytes).digest('hex');
    const key = `${taskId}/${inputManifestName(digest)}`;
    if (this.#stored.has(key)) return digest;
    const { signal } = patience;
    try {
      await withPatience(
        async () => (await s3()).putObject(MANIFESTS_AREA, key, bytes, { contentType: 'application/json', signal }),
        patience,
      );
    } catch (error) {
      if (error instanceof S3Error && error.status < 500) return undefined;
      throw error;
    }
    if (this.#stored.size >= MOST_REMEMBERED) this.#stored.clear();
    this.#stored.add(key);
    return digest;
  }
}
