import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sdkSigner } from './sdk-signer.fixture.js';
import { signRequest } from './sign-request.js';
import { encodePath, sha256Hex } from './sigv4.js';

const text = (minLength = 1) =>
  fc.string({ unit: 'binary', minLength, maxLength: 20 }).filter((one) => one.isWellFormed());
// The other signer keeps parameters in a plain object, which loses this name.
const name = text().filter((one) => one !== '__proto__');
const signer = sdkSigner({ accessKeyId: 'ada', secretAccessKey: 'secret', sessionToken: 'claims.mac' });

it('signs as the signer of the AWS SDK does', () =>
  fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'PUT', 'POST', 'DELETE', 'HEAD'),
      text().map((key) => `/bucket/${encodePath(key)}`),
      fc.dictionary(name, text(0), { maxKeys: 4, noNullPrototype: true }),
      fc.dictionary(fc.stringMatching(/^x-amz-meta-[a-z0-9-]{1,10}$/), fc.stringMatching(/^[ -~]{0,12}$/), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
      fc.string().map(sha256Hex),
      fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
      async (method, path, query, headers, payloadHash, at) => {
        const host = 'storage:9000';
        const ours = signRequest(
          { accessKey: 'ada', secretKey: 'secret', sessionToken: 'claims.mac' },
          {
            method,
            host,
            path,
            query: Object.entries(query),
            headers,
            payloadHash,
            at: at.getTime(),
            region: 'eu-west-1',
          },
        );
        const { authorization: _, ...unsigned } = ours;
        const theirs = await signer.sign(
          { method, protocol: 'http:', hostname: 'storage', port: 9000, path, query, headers: { ...unsigned } },
          { signingDate: at },
        );
        expect(ours['authorization']).toBe(theirs.headers['authorization']);
      },
    ),
  ));
