import { randomUUID } from 'node:crypto';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { S3ObjectStore, objectStoreContract } from '@fornax/object-store';
import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { StorageUnderTest } from '../storage.fixture.js';

const keepsTheContract = (openStore: () => S3ObjectStore): void => {
  for (const { behaviour, check } of objectStoreContract) {
    it(behaviour, async () => {
      const [bucket, other] = [`b-${randomUUID()}`, `o-${randomUUID()}`];
      const store = openStore();
      await store.createBuckets([bucket, other]);
      await check(store, bucket, other);
      await store.deleteBuckets([bucket, other]);
    });
  }
};

/** The S3 adapter against a real S3 endpoint over the wire: ours, over the local adapter. */
describe('S3ObjectStore over our own S3 endpoint', () => {
  let storage: StorageUnderTest;
  let store: S3ObjectStore;

  beforeAll(async () => {
    storage = await StorageUnderTest.start();
    const ada = await storage.user('ada@example.org');
    await storage.s3(ada).send(new CreateBucketCommand({ Bucket: 'physical' }));
    store = new S3ObjectStore({
      endpoint: `http://127.0.0.1:${storage.port}`,
      accessKey: ada.email,
      secretKey: ada.token,
      bucket: 'physical',
    });
  }, 180_000);
  afterAll(async () => {
    await store.close();
    await storage.stop();
  });

  keepsTheContract(() => store);
});

/** The same against a server of choice (docs/reference/object-stores.md); everything is put into a bucket of its own. */
const {
  FORNAX_TEST_S3_ENDPOINT: endpoint,
  FORNAX_TEST_S3_ACCESS_KEY: accessKey = '',
  FORNAX_TEST_S3_SECRET_KEY: secretKey = '',
} = process.env;
if (endpoint !== undefined) {
  describe(`S3ObjectStore over ${endpoint}`, () => {
    let store: S3ObjectStore;

    beforeAll(async () => {
      store = await S3ObjectStore.open({
        endpoint,
        accessKey,
        secretKey,
        bucket: `fornax-test-${randomUUID().slice(0, 8)}`,
      });
    });
    afterAll(() => store.close());

    keepsTheContract(() => store);
  });
}
