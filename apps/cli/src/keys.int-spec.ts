import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';

const stand = { keyId: '00aa', dataKeys: 5, left: 3 };
const steps = [
  { ...stand, rotated: 2, closed: 0, after: 'k2', left: 1 },
  { ...stand, rotated: 0, closed: 1, after: null, left: 1 },
];
let calls = 0;
const platform = cannedPlatform({
  answers: { 'GET /fornax/v1/keys': [200, stand] },
  stream: (request, response) => {
    if (request.url !== '/fornax/v1/keys/rotate') return false;
    response.writeHead(200).end(JSON.stringify(steps[calls]));
    calls += 1;
    return true;
  },
});
const { fornax } = platform;

beforeAll(platform.start);
afterAll(platform.stop);

describe('fornax keys', () => {
  it('says how much another key has sealed', async () =>
    expect((await fornax('keys', 'list')).stdout).toBe(
      'The master key 00aa seals. 3 of 5 data keys are sealed by another one.\n',
    ));

  it('rotates step by step, shows how far it is, and fails where something stays closed', async () => {
    expect(await fornax('keys', 'rotate')).toMatchObject({
      code: 1,
      stdout: [
        '4 of 5 data keys are sealed by the master key 00aa',
        '4 of 5 data keys are sealed by the master key 00aa',
        '2 were rotated.',
        '1 cannot be opened by any master key of the platform: give it theirs in FORNAX_MASTER_KEYS_READ.',
        '',
      ].join('\n'),
    });
    expect(platform.bodies).toEqual([{ after: '' }, { after: 'k2' }]);
  });
});
