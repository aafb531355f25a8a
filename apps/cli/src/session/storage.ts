import type { S3Client } from '@fornax/s3';
import { InvalidArgumentError } from 'commander';
import type { Io } from '../terminal/io.js';
import { UsageError } from './connection.js';

const TRIES = 6;
const MAX_PARALLEL = 64;

export const wholeNumber = (least: number, most: number) => (text: string) => {
  if (!/^\d{1,10}$/.test(text) || Number(text) < least || Number(text) > most)
    throw new InvalidArgumentError(`must be a whole number, ${least} to ${most}`);
  return Number(text);
};

/** How many files come or go at a time. */
export const parallelOf = wholeNumber(1, MAX_PARALLEL);

/** Connects to the storage with the rights of whoever asks. @throws UsageError */
export const storageOf = async (io: Io): Promise<S3Client> => {
  const { url, accessKey, secretKey } = await io.client().storageAccess();
  if (url === null) throw new UsageError('The platform has no storage.');
  const { S3Client } = await import('@fornax/s3');
  return new S3Client({ endpoint: url, accessKey, secretKey, tries: TRIES });
};
