import { createHmac, timingSafeEqual } from 'node:crypto';
import { leaseClaimsSchema, serviceClaimsSchema, type LeaseClaims, type ServiceClaims } from '@fornax/contracts';
import { jsonOf } from '@fornax/base';

/** S3 credentials of one lease, or of a service; nothing of them is stored anywhere. */
export interface LeaseCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string;
}

/** Whose claims a token holds. Each kind has keys of its own, so that a token of one can never serve as the other. */
type TokenKind = 'lease' | 'service';

/** One key for each use, so that a value made for one can never serve as the other. */
const derive = (masterKey: Uint8Array, use: string, text: string): Buffer =>
  createHmac('sha256', createHmac('sha256', masterKey).update(`fornax/${use}`).digest())
    .update(text)
    .digest();

const signatureOf = (masterKey: Uint8Array, kind: TokenKind, payload: string): Buffer =>
  derive(masterKey, `${kind}-token`, payload);
const secretOf = (masterKey: Uint8Array, kind: TokenKind, sessionToken: string): string =>
  derive(masterKey, `${kind}-secret`, sessionToken).toString('base64url');

const sign = (masterKey: Uint8Array, kind: TokenKind, claims: object): Omit<LeaseCredentials, 'accessKey'> => {
  const payload = Buffer.from(JSON.stringify(claims), 'utf8').toString('base64url');
  const sessionToken = `${payload}.${signatureOf(masterKey, kind, payload).toString('base64url')}`;
  return { secretKey: secretOf(masterKey, kind, sessionToken), sessionToken };
};

/** What a token says, if it was made here and not changed. */
const open = (masterKey: Uint8Array, kind: TokenKind, sessionToken: string): unknown => {
  const [payload, signature, ...rest] = sessionToken.split('.');
  if (payload === undefined || signature === undefined || rest.length > 0) return undefined;
  const expected = signatureOf(masterKey, kind, payload);
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return jsonOf(Buffer.from(payload, 'base64url'));
};

/** The access key is only a label: who may do what is in the session token. */
export const signLeaseClaims = (masterKey: Uint8Array, claims: LeaseClaims): LeaseCredentials => ({
  accessKey: `lease-${claims.leaseId}`,
  ...sign(masterKey, 'lease', claims),
});

/**
 * @returns the claims and the secret key that a request under this token must be signed with; undefined when the token was not
 *   made here or was changed. Whether it has expired, or its lease still lives, is the caller's question.
 */
export const verifyLeaseToken = (
  masterKey: Uint8Array,
  sessionToken: string,
): { readonly claims: LeaseClaims; readonly secretKey: string } | undefined => {
  const claims = leaseClaimsSchema.safeParse(open(masterKey, 'lease', sessionToken));
  return claims.success ? { claims: claims.data, secretKey: secretOf(masterKey, 'lease', sessionToken) } : undefined;
};

/** Credentials of a service for its area of the platform's own objects. */
export const signServiceClaims = (masterKey: Uint8Array, claims: ServiceClaims): LeaseCredentials => ({
  accessKey: `service-${claims.service}`,
  ...sign(masterKey, 'service', claims),
});

/** As `verifyLeaseToken`; whether it has expired is the caller's question. */
export const verifyServiceToken = (
  masterKey: Uint8Array,
  sessionToken: string,
): { readonly claims: ServiceClaims; readonly secretKey: string } | undefined => {
  const claims = serviceClaimsSchema.safeParse(open(masterKey, 'service', sessionToken));
  return claims.success ? { claims: claims.data, secretKey: secretOf(masterKey, 'service', sessionToken) } : undefined;
};
