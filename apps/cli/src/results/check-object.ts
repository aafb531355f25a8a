import { createHash } from 'node:crypto';
import type { S3Client } from '@fornax/s3';
import { type Found, isMissing } from '../transfer/fetch-file.js';
import type { About } from '../transfer/transfer-all.js';
import type { WantedObject } from './wanted.js';

/** Reads an object through. @returns `missing`, `changed` or `whole` */
export const checkObject = async (
  s3: S3Client,
  { bucket, key, sums }: WantedObject,
  { signal, onBytes }: About,
): Promise<Found> => {
  const hash = createHash('sha256');
  try {
    for await (const piece of await s3.getObject(bucket, key, { signal })) {
      const bytes = piece as Buffer;
      hash.update(bytes);
      onBytes(bytes.length);
    }
  } catch (error) {
    if (isMissing(error)) return 'missing';
    throw error;
  }
  return sums.has(hash.digest('hex')) ? 'whole' : 'changed';
};
