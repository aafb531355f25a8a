import type { StoreRefusal } from '@fornax/object-store';
import { noSuchBucket, noSuchKey, type S3Error, s3Error } from '@fornax/s3';

/** The store's refusals carry S3 codes already; some are told otherwise on the wire. */
export const fromRefusal = (refusal: StoreRefusal, bucket: string, key: string): S3Error => {
  if (refusal.problem === 'NoSuchBucket') return noSuchBucket(bucket);
  if (refusal.problem === 'BucketNotEmpty')
    return s3Error('BucketNotEmpty', 'The bucket you tried to delete is not empty', { BucketName: bucket });
  if (refusal.problem === 'NoSuchKey') return noSuchKey(key);
  // It was looked at twice: whoever asks again finds it at rest.
  if (refusal.problem === 'SourceChanged')
    return s3Error('SlowDown', 'The source of the copy is being replaced: please try again.', {}, { cause: refusal });
  const code = refusal.problem === 'KeyTooLong' ? 'KeyTooLongError' : refusal.problem;
  return s3Error(code, refusal.message, {}, { cause: refusal });
};
