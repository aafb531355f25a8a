import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { ReadBrokeOff, S3ObjectStore, type S3StoreOptions } from '@fornax/object-store';
import { objectStoreContract } from '@fornax/object-store/specs';
import { oncePerRun, startFaultProxy } from '@fornax/testing';
import { type S3Service, VERSITYGW, provideVersitygw, startVersitygw } from '@fornax/testing/versitygw';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { StorageUnderTest } from '../storage.fixture.js';

const keepsTheContract = (openStore: () => S3ObjectStore): void => {
  for (const { behavior, check } of objectStoreContract) {
    it(behavior, async () => {
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
  let access: Omit<S3StoreOptions, 'endpoint'>;

  beforeAll(async () => {
    storage = await StorageUnderTest.start();
    const ada = await storage.user('ada@example.org');
    await storage.s3(ada).send(new CreateBucketCommand({ Bucket: 'physical' }));
    access = { accessKey: ada.email, secretKey: ada.token, bucket: 'physical' };
    store = new S3ObjectStore({ ...access, endpoint: `http://127.0.0.1:${storage.port}` });
  }, 180_000);
  afterAll(async () => {
    await store.close();
    await storage.stop();
  });

  keepsTheContract(() => store);

  it('names the object whose bytes the service stopped sending', async () => {
    const relay = await startFaultProxy(storage.port);
    const far = new S3ObjectStore({ ...access, endpoint: `http://127.0.0.1:${relay.port}` });
    try {
      await store.createBuckets(['far']);
      // More than fits into what the kernel and the client hold back from a reader that takes its time.
      const source = Readable.from(Array.from({ length: 32 }, () => Buffer.alloc(1024 * 1024)));
      await store.put('far', 'big', source, { contentType: 'a/b', userMetadata: {}, sizeBytes: 32 * 1024 * 1024 });
      const body = await (await far.get('far', 'big'))?.read();
      const reading = (async () => {
        for await (const _ of body ?? []) relay.cut();
      })();
      const error: unknown = await reading.then(
        () => undefined,
        (failure: unknown) => failure,
      );
      expect(error).toBeInstanceOf(ReadBrokeOff);
      expect(String(error)).toMatch(
        /object "big" of bucket "far" broke off: the object service sent \d+ of 33554432 bytes$/,
      );
    } finally {
      await far.close();
      await relay.close();
      await store.deleteMany('far', ['big']);
      await store.deleteBuckets(['far']);
    }
  });
});

/** The first run has to build it. */
const BUILD_MS = 15 * 60_000;

const program = await oncePerRun('versitygw', BUILD_MS, () =>
  provideVersitygw({ say: (text) => console.error(text) }),
).catch((error: unknown) => {
  // tools/test.mjs looks for this line and says at the end what was not tried.
  console.error(`NOT-TRIED-ON-AN-S3-SERVICE: ${error instanceof Error ? error.message : String(error)}`);
});

/** A server that is not ours. Everything is put into a bucket of its own. */
(program === undefined ? describe.skip : describe)(`S3ObjectStore over versitygw ${VERSITYGW}`, () => {
  let service: S3Service;
  let store: S3ObjectStore;

  beforeAll(async () => {
    service = await startVersitygw(program ?? '');
    store = await S3ObjectStore.open({ ...service.keys, endpoint: service.url, bucket: 'fornax-test' });
  }, 180_000);
  afterAll(async () => {
    await store.close();
    await service.stop();
  });

  keepsTheContract(() => store);
});

/** The same against a server of choice (docs/reference/object-stores.md). */
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
