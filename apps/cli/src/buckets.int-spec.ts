import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';

const owner = { uuid: 'u-1', name: 'ada@example.org' };
const grant = {
  kind: 'user',
  id: 'u-2',
  name: 'bob@example.org',
  access: 'read',
  grantedAt: '2026-01-02T03:04:05.000Z',
};
const own = {
  name: 'scenes',
  createdAt: '2026-01-02T03:04:05.000Z',
  objects: 3,
  bytes: 12,
  access: 'own',
  owner,
  project: { uuid: 'u-1', name: 'Default' },
  grants: [grant],
};
const shared = { ...own, name: 'textures', access: 'read', project: null, grants: null };
const GRANTS = '/fornax/v1/buckets/scenes/grants';

const ANSWERS: Readonly<Record<string, readonly [status: number, body: unknown]>> = {
  'GET /fornax/v1/buckets': [200, [own, shared]],
  [`GET ${GRANTS}`]: [200, [grant]],
  'GET /fornax/v1/buckets/alone/grants': [200, []],
  [`PUT ${GRANTS}/user/bob%40example.org`]: [200, grant],
  [`PUT ${GRANTS}/organization/Acme%20Inc`]: [
    200,
    { ...grant, kind: 'organization', name: 'Acme Inc', access: 'write' },
  ],
  [`DELETE ${GRANTS}/user/bob%40example.org`]: [200, ''],
};

describe('fornax bucket', () => {
  const platform = cannedPlatform({ answers: ANSWERS });
  const { bodies, fornax } = platform;
  beforeEach(() => {
    bodies.length = 0;
  });
  beforeAll(platform.start);
  afterAll(platform.stop);

  it('explains itself', async () => {
    expect(await fornax('bucket', '--help')).toMatchObject({ code: 0, stdout: expect.stringContaining('grant') });
    expect((await fornax('bucket', 'grant', '--help')).stdout).toContain('--organization');
  });

  it('lists own buckets and shared ones', async () => {
    const { stdout } = await fornax('bucket', 'list');
    expect(stdout).toMatch(/scenes +own +ada@example.org +3 +12 +1\n/);
    expect(stdout).toMatch(/textures +read +ada@example.org +3 +12 +-\n/);
    expect(JSON.parse((await fornax('bucket', 'list', '--json')).stdout)).toEqual([own, shared]);
  });

  it('shows with whom a bucket is shared', async () => {
    expect((await fornax('bucket', 'grants', 'scenes')).stdout).toMatch(
      /read +user +bob@example.org +2026-01-02T.* +u-2\n/,
    );
    expect((await fornax('bucket', 'grants', 'alone')).stdout).toBe('alone is shared with nobody.\n');
  });

  it('grants and revokes', async () => {
    expect(await fornax('bucket', 'grant', 'scenes', 'read', '--user', 'bob@example.org')).toMatchObject({
      code: 0,
      stdout: 'scenes: read to user bob@example.org\n',
    });
    await fornax('bucket', 'grant', 'scenes', 'write', '--organization', 'Acme Inc');
    expect(bodies).toEqual([{ access: 'read' }, { access: 'write' }]);
    expect((await fornax('bucket', 'revoke', 'scenes', '-u', 'bob@example.org')).stdout).toBe(
      'scenes: nothing to user bob@example.org\n',
    );
  });

  it('wants one grantee, and an access that there is', async () => {
    for (const wrong of [
      ['scenes', 'read'],
      ['scenes', 'read', '-u', 'bob', '--organization', 'Acme'],
      ['scenes', 'all', '-u', 'bob'],
    ])
      expect(await fornax('bucket', 'grant', ...wrong)).toMatchObject({ code: 2 });
    expect(await fornax('bucket', 'revoke', 'scenes')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--project'),
    });
    expect(bodies).toEqual([]);
  });
});
