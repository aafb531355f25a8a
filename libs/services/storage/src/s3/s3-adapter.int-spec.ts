import { randomUUID } from 'node:crypto';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { S3ObjectStore, objectStoreContract } from '@fornax/object-store';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { StorageUnderTest } from '../storage.fixture.js';

let storage: StorageUnderTest;
let store: S3ObjectStore;

beforeAll(async () => {
  storage = await StorageUnderTest.start();
  const ada = await storage.user('ada@example.org');
  await storage.s3(ada).send(new CreateBucketCommand({ Bucket: 'physical' }));
  store = new S3ObjectStore({ endpoint: `http://127.0.0.1:${storage.port}`, accessKey: ada.email, secretKey: ada.token, bucket: 'physical' });
}, 180_000);
afterAll(async () => {
  await store.close();
  await storage.stop();
});

/** The S3 adapter against a real S3 endpoint over the wire: ours, over the local adapter. */
describe('S3ObjectStore', () => {
  for (const { behaviour, check } of objectStoreContract) {
    it(behaviour, async () => {
      const [bucket, other] = [`b-${randomUUID()}`, `o-${randomUUID()}`];
      await store.createBuckets([bucket, other]);
      await check(store, bucket, other);
    });
  }
});
