import { readdir, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { OBJECT_STORE } from '../config/tokens.js';
import { LOGGER, WriteStops } from '@fornax/service-kit';
import { type LocalObjectStore, StoreRefusal } from '@fornax/object-store';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { StorageUnderTest, type TestUser } from '../storage.fixture.js';

const BUCKET = 'damaged';

let storage: StorageUnderTest;
let ada: TestUser;
let lines: jest.SpiedFunction<(facts: object, message: string) => void>;

/** The one file that was written since `before`. */
const files = async (): Promise<readonly string[]> =>
  (await readdir(storage.folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
const putFile = async (key: string, body: string): Promise<string> => {
  const before = new Set(await files());
  await storage.s3(ada).send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body }));
  const [file] = (await files()).filter((path) => !before.has(path) && /[0-9a-f-]{36}$/.test(path));
  if (file === undefined) throw new Error('no file was written');
  return file;
};
const ask = (method: string, key: string, headers: Readonly<Record<string, string>> = {}) =>
  storage.signed(ada, { method, path: `/${BUCKET}/${key}`, headers });

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  ada = await storage.user('ada@example.org');
  await storage.s3(ada).send(new CreateBucketCommand({ Bucket: BUCKET }));
}, 180_000);
beforeEach(() => {
  const logger = storage.app.app.get<{ error(facts: object, message: string): void }>(LOGGER);
  lines = jest
    .spyOn(logger, 'error')
    .mockClear()
    .mockImplementation(() => undefined);
});
afterAll(async () => storage.stop());

describe('an object whose file is damaged', () => {
  it.each([
    ['gone', (path: string) => unlink(path), 'missing'],
    ['short', (path: string) => truncate(path, 3), '3 bytes'],
  ] as const)('is a 500 with a code at once, and one line in the log: %s', async (name, damage, cause) => {
    await damage(await putFile(name, '0123456789'));
    const gets = [await ask('GET', name), await ask('GET', name, { range: 'bytes=0-1' })];
    for (const { status, body } of gets) {
      expect(status).toBe(500);
      expect(body).toContain('<Code>InternalError</Code>');
    }
    expect((await ask('HEAD', name)).status).toBe(500);
    const copy = await ask('PUT', 'copy', { 'x-amz-copy-source': `/${BUCKET}/${name}` });
    expect(copy.status).toBe(500);
    const damaged = { bucket: BUCKET, key: name, reason: expect.stringContaining(cause) };
    expect(lines.mock.calls).toEqual(
      Array(4).fill([expect.objectContaining({ err: expect.objectContaining(damaged) }), 'S3 request failed']),
    );
  });

  it('is found by a scrub before anybody reads it, which operators may ask for', async () => {
    await truncate(await putFile('scrubbed', '0123456789'), 3);
    const scrub = (user: TestUser, query = '') =>
      fetch(`${storage.app.url}/fornax/v1/buckets/scrub${query}`, {
        method: 'POST',
        headers: { authorization: user.token },
      });
    expect((await scrub(ada)).status).toBe(403);
    const root = await storage.user('root@example.org', {}, 'operator');
    expect((await scrub(root, '?after=nowhere')).status).toBe(400);
    const finding = { bucket: BUCKET, key: 'scrubbed', reason: expect.stringContaining('3 bytes') };
    const answer = await scrub(root, `?after=${BUCKET}/scrubbec`);
    expect(await answer.json()).toMatchObject({
      objects: expect.any(Number),
      findings: expect.arrayContaining([expect.objectContaining(finding)]),
    });
    expect(lines.mock.calls).toContainEqual([expect.objectContaining(finding), expect.stringContaining('is damaged')]);
  });

  it('cuts the connection when bytes were sent already, and says why in the log', async () => {
    // More than the buffers of a connection hold, cut while its reader waits.
    const sizeBytes = 64 * 1024 * 1024;
    const file = await putFile('cut', 'x'.repeat(sizeBytes));
    const store = storage.app.app.get<LocalObjectStore>(OBJECT_STORE);
    const get = store.get.bind(store);
    jest.spyOn(store, 'get').mockImplementationOnce(async (bucket, key) => {
      const reader = await get(bucket, key);
      return (
        reader && {
          ...reader,
          read: async (range) => {
            const stream = await reader.read(range);
            await truncate(file, 1024 * 1024);
            return stream;
          },
        }
      );
    });
    await expect(ask('GET', 'cut')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(lines).toHaveBeenCalledTimes(1);
    expect(lines.mock.calls[0]?.[0]).toMatchObject({ err: { bucket: BUCKET, key: 'cut' } });
  });
});

describe('a full disk', () => {
  it('refuses uploads of users with 507 before it is quite full, and lets them read and delete', async () => {
    await putFile('large', 'x');
    const stops = storage.app.app.get(WriteStops);
    stops.set('disk', { status: 507, message: 'Disk full', ways: ['Free some space'] });
    try {
      const uploads = [
        await storage.signed(ada, { method: 'PUT', path: `/${BUCKET}/k`, body: 'x' }),
        await ask('PUT', 'copy', { 'x-amz-copy-source': `/${BUCKET}/large` }),
        await storage.signed(ada, { method: 'POST', path: `/${BUCKET}/k?uploads=` }),
        await storage.signed(ada, { method: 'PUT', path: `/${BUCKET}/k?partNumber=1&uploadId=u`, body: 'x' }),
        await storage.signed(ada, { method: 'PUT', path: '/another-bucket' }),
      ];
      for (const { status, body } of uploads) {
        expect(body).toMatch(/<Code>InsufficientStorage<\/Code><Message>Disk full\. Nothing was done/);
        expect(status).toBe(507);
      }
      expect((await ask('GET', 'large')).status).toBe(200);
      expect((await ask('DELETE', 'large')).status).toBe(204);
    } finally {
      stops.set('disk', undefined);
    }
    expect((await storage.signed(ada, { method: 'PUT', path: `/${BUCKET}/k`, body: 'x' })).status).toBe(200);
  });

  it('is a 507 with a code and a sentence', async () => {
    const store = storage.app.app.get<LocalObjectStore>(OBJECT_STORE);
    jest.spyOn(store, 'put').mockRejectedValueOnce(new StoreRefusal('InsufficientStorage', 'the disk is full'));
    const { status, body } = await storage.signed(ada, { method: 'PUT', path: `/${BUCKET}/k`, body: 'x' });
    expect(status).toBe(507);
    expect(body).toContain('<Code>InsufficientStorage</Code><Message>the disk is full</Message>');
  });
});
