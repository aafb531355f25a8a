import { readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { type FornaxEvent, type ObjectsScrub, objectsScrubSchema } from '@fornax/contracts';
import { ProjectionHost } from '@fornax/service-kit';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { StorageUnderTest, type TestUser } from '../storage.fixture.js';

const Bucket = 'scrubbed';

let storage: StorageUnderTest;
let ada: TestUser;
let root: TestUser;
beforeAll(async () => {
  storage = await StorageUnderTest.start();
  ada = await storage.user('ada@example.org');
  root = await storage.user('root@example.org', {}, 'operator');
  await storage.s3(ada).send(new CreateBucketCommand({ Bucket }));
}, 180_000);
afterAll(() => storage.stop());

const files = async (): Promise<readonly string[]> =>
  (await readdir(storage.folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
/** Stores an object. @returns its file */
const put = async (Key: string, Body: string): Promise<string> => {
  const before = new Set(await files());
  await storage.s3(ada).send(new PutObjectCommand({ Bucket, Key, Body }));
  const file = (await files()).find((path) => !before.has(path) && /[0-9a-f-]{36}$/.test(path));
  if (file === undefined) throw new Error('no file was written');
  return file;
};
const damageEvents = async (): Promise<readonly FornaxEvent[]> =>
  (await storage.log.readAggregate('bucket', Bucket))
    .flatMap(({ events }) => events)
    .filter(({ type }) => type.startsWith('BucketDamage'));
/** Scrubs everything, and waits until its rows are there. */
const scrub = async (): Promise<ObjectsScrub['findings']> => {
  const answer = await fetch(`${storage.app.url}/fornax/v1/buckets/scrub?mibPerSecond=1000`, {
    method: 'POST',
    headers: { authorization: root.token },
  });
  const { findings, next } = objectsScrubSchema.parse(await answer.json());
  expect(next).toBeNull();
  const { sequence } = await storage.log.head();
  expect(await storage.app.app.get(ProjectionHost).waitFor('bucket-damage', sequence, 30_000)).toBe(true);
  return findings;
};

it('notes each damage once until it has ended, with nothing about the host', async () => {
  const [lost, whole] = [await put('lost', 'content'), await put('whole', 'other')];
  expect(await scrub()).toEqual([]);
  const content = await readFile(lost);
  await unlink(lost);
  const [first] = await scrub();
  expect(first).toMatchObject({
    bucket: Bucket,
    key: 'lost',
    reason: 'a file of it is missing',
    since: expect.any(String),
  });
  // The same damage, found again, is known since then.
  expect(await scrub()).toEqual([first]);
  const object = { key: 'lost', etag: first?.etag, reason: first?.reason };
  const found = { type: 'BucketDamageFound', bucket: Bucket, objects: [object], at: expect.any(Number) };
  expect(await damageEvents()).toEqual([found]);
  const [commit] = (await storage.log.readAggregate('bucket', Bucket)).slice(-1);
  expect(commit?.meta).toMatchObject({ actor: `user:${root.account}`, onBehalfOf: `user:${ada.account}` });
  expect(JSON.stringify(commit)).not.toContain(storage.folder);

  await writeFile(lost, content);
  expect(await scrub()).toEqual([]);
  const ended = (key: string) => ({ type: 'BucketDamageEnded', bucket: Bucket, keys: [key], at: expect.any(Number) });
  expect(await damageEvents()).toEqual([found, ended('lost')]);

  // One that is stored anew, and one that is deleted, are damaged no more.
  await unlink(lost);
  await unlink(whole);
  expect(await scrub()).toHaveLength(2);
  await put('lost', 'newer');
  await storage.s3(ada).send(new DeleteObjectCommand({ Bucket, Key: 'whole' }));
  expect(await scrub()).toEqual([]);
  const last = (await damageEvents()).at(-1);
  expect(last).toEqual({ ...ended('lost'), keys: ['lost', 'whole'] });
});
