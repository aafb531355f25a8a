import type { RequestOptions } from 'node:http';
import { expect, it } from '@jest/globals';
import { parseTimestamp } from '@fornax/s3';
import fc from 'fast-check';
import { Client } from 'minio';
import { signedOptions } from './signing-transport.js';
import { wireKey } from './wire-keys.js';

const keys = { accessKey: 'ada', secretKey: 'secret' };
const REGION = 'eu-west-1';

/** A request as the client makes it and signs it itself; it goes nowhere. */
const signedByClient = async (request: Parameters<Client['makeRequestAsync']>[0]) => {
  let made: RequestOptions = {};
  const transport = {
    request: (options: RequestOptions | string | URL): never => {
      if (typeof options === 'object' && !(options instanceof URL)) made = options;
      throw new Error('goes nowhere');
    },
  };
  const client = new Client({ endPoint: 'storage', port: 9000, useSSL: false, region: REGION, transport, ...keys });
  client.enableSHA256 = false;
  await client.makeRequestAsync(request, '', [200], REGION).catch(() => undefined);
  const texts = Object.entries({ ...made.headers }).map(([name, value]) => [name, String(value)] as const);
  const signing = ['authorization', 'x-amz-date', 'x-amz-content-sha256'];
  const headers = Object.fromEntries(texts.filter(([name]) => !signing.includes(name)));
  const [authorization = '', date = ''] = signing.map((name) => new Map(texts).get(name));
  return { made: { ...made, headers }, authorization, at: parseTimestamp(date) ?? 0 };
};

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((one) => one.isWellFormed());

it('signs as the client with keys does, whatever is asked for', () =>
  fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD'),
      text.map((key) => `bucket/${wireKey(key)}`),
      fc.constantFrom('', 'uploads', 'delete', 'list-type=2&prefix=a%2Fb%20c&start-after=%C3%A9&delimiter=%2F'),
      fc.dictionary(fc.stringMatching(/^x-amz-meta-[a-z0-9-]{1,10}$/), fc.stringMatching(/^[!-~]{1,12}$/), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
      async (method, objectName, query, metadata) => {
        const headers = { ...metadata, 'content-type': 'text/plain', 'if-match': '"etag"' };
        const { made, authorization, at } = await signedByClient({
          method,
          bucketName: 'all',
          objectName,
          query,
          headers,
        });
        const signed = signedOptions(keys, REGION, at, made);
        expect(signed.headers).toMatchObject({ ...made.headers, authorization });
        expect(signed.path).toBe(made.path);
      },
    ),
  ));
