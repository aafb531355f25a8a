import type { S3Error } from '@fornax/s3';

import type { JobFile } from '../files/job-files.js';
import { quoted } from '../files/quoted.js';
import { UserError } from '../failure/user-error.js';
import type { UploadTarget } from './results.js';

/** What was stored as results went with their bucket, or with the right to it, before the attempt had ended; the rest cannot be stored. */
export class ResultsGone extends UserError {
  constructor(sentence: string) {
    super('FX-RESULT', sentence);
  }
}

const MOST_SHOWN = 100;
const shown = (path: string): string => quoted(path, MOST_SHOWN);

/** Refusals that are about one object: its neighbors may still be stored. */
const OF_ONE: ReadonlySet<string> = new Set(['KeyTooLongError', 'EntityTooLarge', 'InvalidArgument', 'InvalidURI']);

export const refusesOne = ({ code }: S3Error): boolean => OF_ONE.has(code);

/**
 * Says what storage's final "no" to a result means to the user. Undefined for any other: the platform has to see to it, and may try again.
 */
export const refusalOf = (
  { code, message }: S3Error,
  { path, sizeBytes }: JobFile,
  { bucket, prefix }: UploadTarget,
): UserError | undefined => {
  switch (code) {
    case 'KeyTooLongError': {
      const bytes = Buffer.byteLength((prefix ?? '') + path);
      return new UserError(
        'FX-RESULT',
        `Storage takes paths of 1,024 bytes at most, and the result ${shown(path)} has one of ${bytes} bytes with its prefix`,
      );
    }
    case 'EntityTooLarge':
      return new UserError(
        'FX-RESULT',
        `The result ${shown(path)} is too large to be stored: ${sizeBytes} bytes`,
        'limit',
      );
    case 'QuotaExceeded':
      return new UserError(
        'FX-RESULT',
        `The result ${shown(path)} of ${sizeBytes} bytes does not fit into the storage quota; others that were on their way may be stored, no more were begun: ${message}`,
        'limit',
      );
    case 'NoSuchBucket':
      return new ResultsGone(`The bucket for results, ${bucket}, does not exist any more`);
    case 'InvalidBucketState':
      return new ResultsGone(`The bucket for results, ${bucket}, cannot be written any more: ${message}`);
    case 'InvalidArgument':
    case 'InvalidURI':
      return new UserError('FX-RESULT', `Storage does not take the result ${shown(path)}: ${message}`);
    default:
      return undefined;
  }
};
