import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cannedPlatform } from './canned-platform.fixture.js';

const at = '2026-11-28T05:00:00.000Z';
const read = {
  at,
  key: 'lab/a b',
  version: 2,
  way: 'read',
  actor: 'user:ada',
  taskUuid: null,
  instanceId: null,
  leaseId: null,
  node: null,
};
const given = {
  ...read,
  way: 'start',
  actor: 'service:submission',
  taskUuid: 't1',
  instanceId: 3,
  leaseId: 'l',
  node: 'node-1',
};
const page = '/fornax/v1/secrets/accesses?key=lab%2F&limit=1000';
const platform = cannedPlatform({
  answers: {
    'GET /secrets-manager/search/lab': [200, { keys: ['a b', 'more/'] }],
    'PUT /secrets-manager/data/lab/a%20b': [200, ''],
    'PATCH /secrets-manager/data/lab/a%20b': [200, ''],
    'DELETE /secrets-manager/data/lab/a%20b': [200, ''],
    'GET /fornax/v1/secrets/data/lab/a%20b?version=1': [200, { key: 'lab/a b', version: 1, value: 'old\n' }],
    'GET /fornax/v1/secrets/versions/lab/a%20b': [
      200,
      { key: 'lab/a b', versions: [{ version: 2, createdAt: at, restoredFrom: 1 }] },
    ],
    'POST /fornax/v1/secrets/restore/lab/a%20b': [200, ''],
    [`GET ${page}`]: [200, { accesses: [given], next: '7.0' }],
    'GET /fornax/v1/secrets/accesses?key=lab%2F&after=7.0&limit=1000': [200, { accesses: [read], next: null }],
  },
});
const { fornax } = platform;
const key = 'lab/a b';
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-cli-secrets-'));
  await writeFile(join(folder, 'value'), 'of two\nlines\n');
  await platform.start();
});
afterAll(async () => {
  await platform.stop();
  await rm(folder, { recursive: true });
});

describe('fornax secret', () => {
  it('lists, creates, changes, rolls back and deletes; values come from files', async () => {
    expect((await fornax('secret', 'list', 'lab')).stdout).toBe('a b\nmore/\n');
    for (const what of ['create', 'update'])
      expect(await fornax('secret', what, key, '--file', join(folder, 'value'))).toMatchObject({ code: 0, stdout: '' });
    expect((await fornax('secret', 'rollback', key, '1')).code).toBe(0);
    expect((await fornax('secret', 'delete', key)).code).toBe(0);
    const body = { value: 'of two\nlines\n' };
    expect(platform.bodies).toEqual([body, body, { version: 1 }]);
  });

  it('prints a value as it is, and which versions there are', async () => {
    expect((await fornax('secret', 'get', key, '--version', '1')).stdout).toBe('old\n');
    expect((await fornax('secret', 'versions', key)).stdout).toBe(`VERSION  CREATED\n      2  ${at}  of version 1\n`);
  });

  it('shows who was given what, page by page, also of somebody else', async () => {
    expect((await fornax('secret', 'accesses', '--key', 'lab/', '--owner', 'eve@example.org')).stdout).toBe(
      [
        'AT                        KEY      VERSION  WAY    TO',
        `${at}  lab/a b        2  start  t1[3] on node-1`,
        `${at}  lab/a b        2  read   user:ada`,
        '',
      ].join('\n'),
    );
    expect(platform.asked.at(-1)?.headers).toMatchObject({ qarnotreadonlyrequestforaccount: 'eve@example.org' });
    expect(await fornax('secret', 'accesses', '--key', 'lab/', '--most', '1')).toMatchObject({
      stderr: expect.stringContaining('There are more than 1'),
    });
  });
});
