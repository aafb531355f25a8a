import { S3Client } from '@fornax/s3';
import type { Target } from './fault.js';

/** The objects of the platform as they are at its front door. Close it. */
export const s3Of = ({ platform: { clientEnv, storageUrl } }: Target): S3Client => {
  const { AWS_ACCESS_KEY_ID: accessKey = '', AWS_SECRET_ACCESS_KEY: secretKey = '' } = clientEnv;
  return new S3Client({ endpoint: storageUrl, accessKey, secretKey });
};
