import { createHash, createHmac } from 'node:crypto';

export interface S3Account {
  /** Endpoint, buckets in the path: `http://127.0.0.1:9000`. */
  readonly url: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Percent-encoding as Signature Version 4 wants it: everything but the unreserved characters of RFC 3986. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

export interface S3Request {
  readonly method: 'GET' | 'PUT';
  readonly bucket: string;
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/**
 * Signs a request with AWS Signature Version 4 (header form, payload hashed).
 * @param now time of signing
 */
export const signRequest = (
  account: S3Account,
  request: S3Request,
  now: Date,
): { url: string; headers: Record<string, string> } => {
  const path = `/${encode(request.bucket)}${request.key === undefined ? '' : `/${request.key.split('/').map(encode).join('/')}`}`;
  const query = Object.entries(request.query ?? {})
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&');
  const time = `${now.toISOString().replace(/[-:]|\.\d+/g, '')}`;
  const day = time.slice(0, 8);
  const headers: Record<string, string> = {
    host: new URL(account.url).host,
    'x-amz-content-sha256': sha256(request.body ?? ''),
    'x-amz-date': time,
  };
  const names = Object.keys(headers).sort();
  const canonical = [
    request.method,
    path,
    query,
    ...names.map((name) => `${name}:${headers[name]}`),
    '',
    names.join(';'),
    headers['x-amz-content-sha256'],
  ].join('\n');
  const scope = `${day}/${account.region}/s3/aws4_request`;
  const key = [day, account.region, 's3', 'aws4_request'].reduce<string | Uint8Array>(hmac, `AWS4${account.secretKey}`);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${account.accessKey}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { url: `${account.url}${path}${query === '' ? '' : `?${query}`}`, headers: { ...headers, authorization } };
};

/** The S3 requests that the sample needs. Every failure is an Error with the server's answer. */
export class S3 {
  constructor(
    private readonly account: S3Account,
    private readonly signal: AbortSignal,
  ) {}

  /** Creates the bucket; one that is already ours is fine. */
  async createBucket(bucket: string): Promise<void> {
    await this.send({ method: 'PUT', bucket }, ['BucketAlreadyOwnedByYou']);
  }

  async put(bucket: string, key: string, body: Uint8Array): Promise<void> {
    await this.send({ method: 'PUT', bucket, key, body });
  }

  async get(bucket: string, key: string): Promise<Uint8Array> {
    return new Uint8Array(await (await this.send({ method: 'GET', bucket, key })).arrayBuffer());
  }

  private async send(request: S3Request, accepted: readonly string[] = []): Promise<Response> {
    const { url, headers } = signRequest(this.account, request, new Date());
    const { host: _host, ...sent } = headers;
    const response = await fetch(url, {
      method: request.method,
      headers: sent,
      signal: this.signal,
      ...(request.body === undefined ? {} : { body: Buffer.from(request.body) }),
    });
    if (response.ok) return response;
    const answer = await response.text();
    if (accepted.some((code) => answer.includes(`<Code>${code}</Code>`))) return response;
    throw new Error(`${request.method} ${url}: ${response.status} ${answer.slice(0, 500)}`);
  }
}
