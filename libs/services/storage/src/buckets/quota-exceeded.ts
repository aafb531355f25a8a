import { s3Error, S3Error } from '@fornax/s3';
import type { Holder, Measure } from '../model/holder.js';

/** What there is no room for, and with whom. */
interface Lack {
  readonly holder: Holder;
  /** How the holder is called. */
  readonly name: string;
  readonly measure: Measure;
  readonly used: number;
  /** How much of what is used is of uploads that have not ended. */
  readonly underWay: number;
  readonly max: number;
  readonly more: number;
}

/** Whose quota it is, told to somebody whom a bucket is shared with. */
const UNNAMED: Record<Holder['kind'], string> = {
  user: 'the owner of the bucket',
  project: 'the project of the bucket',
  organization: 'the organization of the owner of the bucket',
};
const isKind = (text: string | undefined): text is Holder['kind'] => text !== undefined && text in UNNAMED;

/** The refusal of what a quota has no room for: it says whose, and how much. */
export const quotaExceeded = ({ holder, name, measure, used, underWay, max, more }: Lack): S3Error => {
  const Holder = holder.kind;
  if (measure === 'buckets')
    return s3Error(
      'TooManyBuckets',
      `You have attempted to create more buckets than allowed: ${name} has ${used} of ${max}.`,
      { Holder, UsedBuckets: String(used), MaxBuckets: String(max) },
    );
  const ofUploads = underWay === 0 ? '' : ` (${underWay} of them of uploads that have not ended)`;
  const [Used, Max] = measure === 'bytes' ? ['UsedBytes', 'MaxBytes'] : ['UsedObjects', 'MaxObjects'];
  return s3Error(
    'QuotaExceeded',
    `The storage quota of ${name} is used up: ${used} of ${max} ${measure}${ofUploads}, and ${more} more do not fit.`,
    { Holder, [Used]: String(used), [Max]: String(max) },
  );
};

/** The same without names and numbers: how much somebody has is not told to those whom a bucket is shared with. */
export const withoutFigures = (error: unknown): unknown => {
  if (!(error instanceof S3Error) || error.code !== 'QuotaExceeded') return error;
  const kind = error.details['Holder'];
  return s3Error('QuotaExceeded', `The storage quota of ${UNNAMED[isKind(kind) ? kind : 'user']} is used up.`);
};
