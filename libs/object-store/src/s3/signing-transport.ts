import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { type S3Keys, signRequest, UNSIGNED_PAYLOAD } from '@fornax/s3';
import type { ClientOptions } from 'minio';

type Transport = NonNullable<ClientOptions['transport']>;
type OnAnswer = (answer: IncomingMessage) => void;

/** What is not signed, because something on the way may change it or it follows from the rest, as the client has it. */
const UNSIGNED: readonly string[] = ['content-length', 'content-type', 'user-agent'];

const pairsOf = (query: string): readonly (readonly [string, string])[] =>
  query.split('&').flatMap((pair) => {
    if (pair === '') return [];
    const [name = '', value = ''] = pair.split('=', 2).map(decodeURIComponent);
    return [[name, value] as const];
  });

/** A request as the client has made it, with the headers that sign it. */
export const signedOptions = (keys: S3Keys, region: string, at: number, options: RequestOptions): RequestOptions => {
  const given = Object.entries({ ...options.headers }).map(([name, value]) => [name, String(value)] as const);
  const { host = '', ...headers } = Object.fromEntries(given.filter(([name]) => !UNSIGNED.includes(name)));
  const { method = 'GET' } = options;
  const target = options.path ?? '/';
  const mark = target.indexOf('?');
  const [path, query] = mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
  const signed = signRequest(keys, {
    method,
    host,
    path,
    query: pairsOf(query),
    headers,
    // The hash of a stream is not known when its request is signed.
    payloadHash: UNSIGNED_PAYLOAD,
    at,
    region,
  });
  return { ...options, headers: { ...Object.fromEntries(given), ...signed } };
};

/**
 * How requests of a client without keys go out: signed here. The client would derive the key of the day anew for each of them, which costs more than all
 * else that it does.
 */
export const signingTransport = (protocol: string, keys: S3Keys, region: string): Transport => {
  const { request } = protocol === 'https:' ? https : http;
  return {
    request: (
      options: RequestOptions | string | URL,
      ...rest: readonly (RequestOptions | OnAnswer | undefined)[]
    ): ClientRequest => {
      const onAnswer = rest.find((one) => typeof one === 'function');
      if (typeof options === 'string' || options instanceof URL) throw new TypeError('requests are made from options');
      return request(signedOptions(keys, region, Date.now(), options), onAnswer);
    },
  };
};
