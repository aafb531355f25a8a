import { S3Client } from '@fornax/s3';
import { platform } from '../platform.js';

/** The account's own buckets; which client speaks S3 is another row's question. */
export const s3 = new S3Client({
  endpoint: platform.storageUrl,
  accessKey: platform.clientEnv['AWS_ACCESS_KEY_ID'] ?? '',
  secretKey: platform.token,
});
