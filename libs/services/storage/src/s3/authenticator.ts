import {
  accessDenied,
  type CanonicalParts,
  canonicalRequest,
  type ChunkSigning,
  type CredentialScope,
  encodePath,
  equalInConstantTime,
  parseTimestamp,
  s3Error,
  type S3Error,
  signingKey,
  signatureOf,
  ALGORITHM,
  UNSIGNED_PAYLOAD,
  formatTimestamp,
} from '@fornax/s3';
import type { Candidate, Identities, Principal } from '../access/principal.js';
import { READ_AS_QUERY, whoIsRead } from '../access/read-as.js';
import { type S3Request, queryValue, textOfHeader } from './s3-request.js';
import { signV2, stringToSignV2 } from './sigv2.js';

export interface Authenticated {
  readonly principal: Principal;
  /** What the payload's hash was said to be when the request was signed. */
  readonly payloadHash: string;
  /** What signed chunks are chained to; the old signature has none. */
  readonly chunks: ChunkSigning | undefined;
}

/** A claim to an identity, from the header or from the query of a presigned URL. */
interface Claim {
  readonly accessKey: string;
  readonly scope: CredentialScope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly timestamp: string;
  readonly payloadHash: string;
  readonly query: S3Request['query'];
  readonly sessionToken: string | undefined;
  /** Of a presigned URL. */
  readonly expiresInMs: number | undefined;
}

const MAX_SKEW_MS = 15 * 60_000;
const MAX_EXPIRY_S = 7 * 24 * 3600;
const UNSIGNED_HEADERS = new Set(['x-amz-content-sha256', 'x-amz-user-agent']);

/** `<access key>/<date>/<region>/<service>/aws4_request`; an access key may hold slashes. */
const parseCredential = (text: string): { readonly accessKey: string; readonly scope: CredentialScope } | undefined => {
  const parts = text.split('/');
  const [date, region, service, terminal] = parts.slice(-4);
  const accessKey = parts.slice(0, -4).join('/');
  if (accessKey === '' || date === undefined || region === undefined || service !== 's3' || terminal !== 'aws4_request')
    return undefined;
  return { accessKey, scope: { date, region, service } };
};

const claimOfHeader = (request: S3Request, authorization: string): Claim => {
  const malformed = (): S3Error =>
    s3Error('AuthorizationHeaderMalformed', 'The authorization header you provided is not valid.');
  if (!authorization.startsWith(`${ALGORITHM} `)) throw malformed();
  const fields = new Map(
    authorization
      .slice(ALGORITHM.length)
      .split(',')
      .map((field) => {
        const at = field.indexOf('=');
        return [field.slice(0, at).trim(), field.slice(at + 1).trim()] as const;
      }),
  );
  const credential = parseCredential(fields.get('Credential') ?? '');
  const [signedHeaders, signature] = [fields.get('SignedHeaders'), fields.get('Signature')];
  if (!credential || !signedHeaders || !signature) throw malformed();
  const payloadHash = request.headers.get('x-amz-content-sha256');
  if (payloadHash === undefined)
    throw s3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
  const dated = request.headers.get('x-amz-date') ?? timestampOfDate(request.headers.get('date'));
  if (dated === undefined) throw accessDenied('AWS authentication requires a valid Date or x-amz-date header');
  return {
    ...credential,
    signature,
    payloadHash,
    timestamp: dated,
    query: request.query,
    expiresInMs: undefined,
    signedHeaders: signedHeaders.split(';'),
    sessionToken: request.headers.get('x-amz-security-token'),
  };
};

const timestampOfDate = (date: string | undefined): string | undefined => {
  const at = Date.parse(date ?? '');
  return Number.isNaN(at) ? undefined : formatTimestamp(at);
};

const claimOfQuery = (request: S3Request): Claim => {
  const malformed = (detail: string): S3Error => s3Error('AuthorizationQueryParametersError', detail);
  const value = (name: string): string => {
    const found = queryValue(request, name);
    if (found === undefined || found === '') throw malformed(`${name} is missing.`);
    return found;
  };
  if (value('X-Amz-Algorithm') !== ALGORITHM) throw malformed(`X-Amz-Algorithm only supports "${ALGORITHM}"`);
  const credential = parseCredential(value('X-Amz-Credential'));
  if (!credential) throw malformed('Error parsing the X-Amz-Credential parameter.');
  const expires = Number(value('X-Amz-Expires'));
  if (!Number.isInteger(expires) || expires < 0 || expires > MAX_EXPIRY_S)
    throw malformed('X-Amz-Expires must be between 0 and 604800.');
  return {
    ...credential,
    signature: value('X-Amz-Signature'),
    timestamp: value('X-Amz-Date'),
    expiresInMs: expires * 1000,
    payloadHash:
      queryValue(request, 'X-Amz-Content-Sha256') ??
      queryValue(request, 'x-amz-content-sha256') ?? // a header that the signer moved into the URL
      request.headers.get('x-amz-content-sha256') ??
      UNSIGNED_PAYLOAD,
    signedHeaders: value('X-Amz-SignedHeaders').split(';'),
    sessionToken: queryValue(request, 'X-Amz-Security-Token'),
    query: request.query.filter(([name]) => name !== 'X-Amz-Signature'),
  };
};

const checkTime = (claim: Claim, nowMs: number): void => {
  const at = parseTimestamp(claim.timestamp);
  if (at === undefined || !claim.timestamp.startsWith(claim.scope.date)) {
    throw s3Error(
      'AuthorizationHeaderMalformed',
      'The date of the request and of its credential must be the same, in ISO 8601 basic format.',
    );
  }
  const skewed = (): S3Error =>
    s3Error('RequestTimeTooSkewed', "The difference between the request time and the server's time is too large.", {
      RequestTime: claim.timestamp,
      ServerTime: new Date(nowMs).toISOString(),
      MaxAllowedSkewMilliseconds: String(MAX_SKEW_MS),
    });
  if (at - nowMs > MAX_SKEW_MS) throw skewed();
  if (claim.expiresInMs === undefined) {
    if (nowMs - at > MAX_SKEW_MS) throw skewed();
  } else if (nowMs - at > claim.expiresInMs) throw accessDenied('Request has expired');
};

const checkSignedHeaders = (request: S3Request, { signedHeaders }: Claim): void => {
  const isSigned = (name: string): boolean => signedHeaders.includes(name);
  const loose = [...request.headers.keys()].filter(
    (name) => name.startsWith('x-amz-') && !UNSIGNED_HEADERS.has(name) && !isSigned(name),
  );
  if (!isSigned('host') || loose.length > 0)
    throw accessDenied('There were headers present in the request which were not signed');
};

/** Headers as they were signed. */
const signedTexts = ({ headers }: S3Request): ReadonlyMap<string, string> =>
  [...headers.values()].some((value) => /[\x80-\xff]/.test(value))
    ? new Map([...headers].map(([name, value]) => [name, textOfHeader(value)]))
    : headers;

/**
 * Verifies who signed a request.
 * @throws S3Error for a request without a signature (AccessDenied) or with a wrong one
 */
export const authenticate = (request: S3Request, identities: Identities, nowMs: number): Authenticated => {
  const authorization = request.headers.get('authorization');
  const isPresigned = queryValue(request, 'X-Amz-Algorithm') !== undefined;
  if (authorization === undefined && !isPresigned && queryValue(request, 'AWSAccessKeyId') !== undefined)
    return authenticateV2(request, identities, nowMs);
  if (authorization === undefined && !isPresigned) throw accessDenied();
  const claim = authorization === undefined ? claimOfQuery(request) : claimOfHeader(request, authorization);
  checkTime(claim, nowMs);
  checkSignedHeaders(request, claim);
  const candidate = candidateOf(claim.accessKey, claim.sessionToken, identities);
  const parts: CanonicalParts = {
    method: request.method,
    encodedPath: encodePath(request.path),
    query: claim.query,
    signedHeaders: claim.signedHeaders,
    headers: signedTexts(request),
    payloadHash: claim.payloadHash,
  };
  // Clients encode paths in their own ways, and some sign what they send; both bind the same request.
  const paths = new Set([parts.encodedPath, request.rawPath]);
  const forms = [...paths].map((encodedPath) => canonicalRequest({ ...parts, encodedPath }));
  for (const secret of candidate.secrets) {
    const key = signingKey(secret, claim.scope);
    const isRight = forms.some((form) =>
      equalInConstantTime(signatureOf(key, claim.timestamp, claim.scope, form), claim.signature),
    );
    if (isRight) {
      const chunks = { key, timestamp: claim.timestamp, scope: claim.scope, seed: claim.signature };
      return { principal: principalOf(request, claim, candidate, identities), payloadHash: claim.payloadHash, chunks };
    }
  }
  throw mismatch();
};

/** Who signed, or whom it reads as. */
const principalOf = (
  request: S3Request,
  { expiresInMs }: Claim,
  { principal }: Candidate,
  identities: Identities,
): Principal => {
  const account = queryValue(request, READ_AS_QUERY);
  return account === undefined ? principal : whoIsRead({ principal, account, expiresInMs }, identities);
};

const mismatch = (): S3Error =>
  s3Error(
    'SignatureDoesNotMatch',
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
  );

/** A presigned URL of version 2. Nothing in it covers the payload. */
const authenticateV2 = (request: S3Request, identities: Identities, nowMs: number): Authenticated => {
  const value = (name: string): string => queryValue(request, name) ?? '';
  // Nothing of it is signed but what S3 knows.
  if (queryValue(request, READ_AS_QUERY) !== undefined)
    throw accessDenied('A link that reads as another account is signed with version 4');
  const expires = value('Expires');
  if (!/^\d{1,12}$/.test(expires))
    throw accessDenied('Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters');
  const untilMs = Number(expires) * 1000;
  if (untilMs < nowMs) throw accessDenied('Request has expired');
  if (untilMs > nowMs + MAX_EXPIRY_S * 1000 + MAX_SKEW_MS)
    throw accessDenied('Expires must be less than a week in the future');
  const candidate = candidateOf(value('AWSAccessKeyId'), undefined, identities);
  const virtualBucket = request.isVirtual ? request.bucket : '';
  const text = stringToSignV2({
    method: request.method,
    virtualBucket,
    rawPath: request.rawPath,
    query: request.query,
    headers: signedTexts(request),
    expires,
  });
  const isRight = candidate.secrets.some((secret) => equalInConstantTime(signV2(secret, text), value('Signature')));
  if (!isRight) throw mismatch();
  return { principal: candidate.principal, payloadHash: UNSIGNED_PAYLOAD, chunks: undefined };
};

const candidateOf = (accessKey: string, sessionToken: string | undefined, identities: Identities): Candidate => {
  if (sessionToken !== undefined) {
    const candidate = identities.bySessionToken(sessionToken);
    if (!candidate) throw s3Error('InvalidToken', 'The provided token is malformed or otherwise invalid.');
    return candidate;
  }
  const candidate = identities.byAccessKey(accessKey);
  if (!candidate)
    throw s3Error('InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.');
  return candidate;
};
