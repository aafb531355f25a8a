import { expect, it } from '@jest/globals';

import { EMPTY_HASH, encodeKey, signV4 } from './sign-v4.js';

it('signs as the example of the AWS documentation ("GET Bucket Lifecycle")', () => {
  const headers = signV4(
    {
      method: 'GET',
      host: 'examplebucket.s3.amazonaws.com',
      path: '/',
      query: { lifecycle: '' },
      payloadHash: EMPTY_HASH,
    },
    { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
    new Date('2013-05-24T00:00:00Z'),
  );
  expect(headers['authorization']).toContain(
    'Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  );
});

it('encodes keys as AWS does, slashes left alone', () =>
  expect(encodeKey("a b+c/é'(*)")).toBe('a%20b%2Bc/%C3%A9%27%28%2A%29'));
