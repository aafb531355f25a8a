import { accessDenied } from '@fornax/s3';
import type { Exchange } from '../s3/exchange.js';
import { copySource } from '../s3/operations/object.operations.js';

/**
 * Looks whether buckets belong to the accounts that the request expects them to belong to. One that is not there is left to the operation.
 * @throws S3Error AccessDenied
 */
export const checkOwners = async ({ request, buckets }: Pick<Exchange, 'request' | 'buckets'>): Promise<void> => {
  const { headers, bucket } = request;
  const expected = headers.get('x-amz-expected-bucket-owner');
  const ofSource = headers.get('x-amz-source-expected-bucket-owner');
  const check = async (name: string, owner: string): Promise<void> => {
    const found = await buckets.find(name);
    if (found && found.owner !== owner) throw accessDenied();
  };
  if (expected !== undefined && bucket !== '') await check(bucket, expected);
  if (ofSource !== undefined && headers.has('x-amz-copy-source')) await check(copySource(request).bucket, ofSource);
};
