import { createHmac, timingSafeEqual } from 'node:crypto';
import { leaseClaimsSchema, type LeaseClaims } from '@fornax/contracts';
import { jsonOf } from '../core/json.js';

/** S3 credentials of one lease; nothing of them is stored anywhere. */
export interface LeaseCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string;
}

/** One key for each use, so that a value made for one can never serve as the other. */
const derive = (masterKey: Uint8Array, use: string, text: string): Buffer =>
  createHmac('sha256', createHmac('sha256', masterKey).update(`fornax/${use}`).digest())
    .update(text)
    .digest();

const signatureOf = (masterKey: Uint8Array, payload: string): Buffer => derive(masterKey, 'lease-token', payload);
const secretOf = (masterKey: Uint8Array, sessionToken: string): string =>
  derive(masterKey, 'lease-secret', sessionToken).toString('base64url');

/** The access key is only a label: who may do what is in the session token. */
export const signLeaseClaims = (masterKey: Uint8Array, claims: LeaseClaims): LeaseCredentials => {
  const payload = Buffer.from(JSON.stringify(claims), 'utf8').toString('base64url');
  const sessionToken = `${payload}.${signatureOf(masterKey, payload).toString('base64url')}`;
  return { accessKey: `lease-${claims.leaseId}`, secretKey: secretOf(masterKey, sessionToken), sessionToken };
};

/**
 * @returns the claims and the secret key that a request under this token must be signed with; undefined when the token was not
 *   made here or was changed. Whether it has expired, or its lease still lives, is the caller's question.
 */
export const verifyLeaseToken = (
  masterKey: Uint8Array,
  sessionToken: string,
): { readonly claims: LeaseClaims; readonly secretKey: string } | undefined => {
  const [payload, signature, ...rest] = sessionToken.split('.');
  if (payload === undefined || signature === undefined || rest.length > 0) return undefined;
  const expected = signatureOf(masterKey, payload);
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const claims = leaseClaimsSchema.safeParse(jsonOf(Buffer.from(payload, 'base64url')));
  return claims.success ? { claims: claims.data, secretKey: secretOf(masterKey, sessionToken) } : undefined;
};
