import { createHash, createHmac } from 'node:crypto';
import type { LeaseCredentials } from '@fornax/service-kit';

const hmac = (key: string | Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const REGION = 'us-east-1';
/** What is sent goes over the platform's own network; the signature binds everything but the payload. */
const UNSIGNED = 'UNSIGNED-PAYLOAD';

/**
 * The headers of a request to the S3 endpoint under temporary credentials (AWS Signature Version 4, in headers so that the token is in no URL). The
 * URL has no query, and nothing in its path needs encoding.
 */
export const signedHeaders = (
  credentials: LeaseCredentials,
  method: string,
  url: URL,
  now: number,
): Record<string, string> => {
  const timestamp = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const date = timestamp.slice(0, 8);
  const headers: Record<string, string> = {
    host: url.host,
    'x-amz-content-sha256': UNSIGNED,
    'x-amz-date': timestamp,
    'x-amz-security-token': credentials.sessionToken,
  };
  const names = Object.keys(headers).sort();
  const canonical = [
    method,
    url.pathname,
    '',
    ...names.map((name) => `${name}:${headers[name] ?? ''}`),
    '',
    names.join(';'),
    UNSIGNED,
  ].join('\n');
  const scope = `${date}/${REGION}/s3/aws4_request`;
  const hash = createHash('sha256').update(canonical).digest('hex');
  const key = [REGION, 's3', 'aws4_request'].reduce<Buffer>(hmac, hmac(`AWS4${credentials.secretKey}`, date));
  const signature = hmac(key, ['AWS4-HMAC-SHA256', timestamp, scope, hash].join('\n')).toString('hex');
  const { host: _, ...sent } = headers;
  return {
    ...sent,
    authorization: `AWS4-HMAC-SHA256 Credential=${credentials.accessKey}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
};
