import { createHmac, randomBytes } from 'node:crypto';

/*
 * The Standard Webhooks format (standardwebhooks.com): headers webhook-id, webhook-timestamp and webhook-signature; the signature is
 * `v1,` and the base64 HMAC-SHA-256 of `<id>.<timestamp>.<body>`; the key is what stands after `whsec_`, base64.
 */
const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

export const newWebhookSecret = (): string => `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;

/** @param seconds since the epoch */
export const signedHeaders = (
  secret: string,
  id: string,
  seconds: number,
  body: string,
): Readonly<Record<'webhook-id' | 'webhook-timestamp' | 'webhook-signature', string>> => {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': `v1,${signature}` };
};
