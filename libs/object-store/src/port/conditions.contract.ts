import assert from 'node:assert/strict';
import type { StoreCase } from './object-store.contract.js';
import { type DeletionCondition, type ObjectStore, type Precondition, StoreRefusal } from './object-store.js';

const ABOUT = { contentType: 'text/plain', userMetadata: {} };
const isRefused = (error: unknown): boolean => error instanceof StoreRefusal && error.problem === 'PreconditionFailed';

const put = async (store: ObjectStore, bucket: string, key: string, text: string, precondition?: Precondition) => {
  const once = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    yield Buffer.from(text);
  };
  const options = { ...ABOUT, sizeBytes: text.length, ...(precondition ? { precondition } : {}) };
  return (await store.put(bucket, key, once(), options)).etag;
};

/** What every adapter of ObjectStore promises about writes and deletions that expect something of what is there. */
export const conditionsContract: readonly StoreCase[] = [
  {
    behavior: 'writes over nothing, or over another object than those that are not to be replaced',
    async check(store, bucket) {
      const first = await put(store, bucket, 'k', 'first', { otherEtags: ['0123'] });
      await assert.rejects(put(store, bucket, 'k', 'none', { otherEtags: ['0123', first] }), isRefused);
      const second = await put(store, bucket, 'k', 'second', { otherEtags: ['0123'] });
      assert.equal((await store.head(bucket, 'k'))?.etag, second);
    },
  },
  {
    behavior: 'copies only to where the writer expects what is there',
    async check(store, bucket, other) {
      const source = await put(store, bucket, 'from', 'source');
      const old = await put(store, other, 'to', 'old');
      const copy = (key: string, precondition: Precondition) =>
        store.copy({ bucket, key: 'from' }, { bucket: other, key }, undefined, precondition);
      await assert.rejects(copy('to', 'absent'), isRefused);
      await assert.rejects(copy('to', { etags: ['0123'] }), isRefused);
      await assert.rejects(copy('to', { otherEtags: [old] }), isRefused);
      assert.equal((await store.head(other, 'to'))?.etag, old);
      await copy('to', { etags: [old] });
      await copy('new', 'absent');
      for (const key of ['to', 'new']) assert.equal((await store.head(other, key))?.etag, source);
    },
  },
  {
    behavior: 'deletes an object only where it is as expected',
    async check(store, bucket) {
      const etag = await put(store, bucket, 'k', 'value');
      const modifiedAt = (await store.head(bucket, 'k'))?.modifiedAt ?? new Date(0);
      const wrong: readonly DeletionCondition[] = [
        { etags: ['0123'] },
        { etags: '*', sizeBytes: 6 },
        { etags: [etag], modifiedAt: new Date(0) },
      ];
      for (const condition of wrong) await assert.rejects(store.deleteIf(bucket, 'k', condition), isRefused);
      assert.equal((await store.head(bucket, 'k'))?.etag, etag);
      await store.deleteIf(bucket, 'k', { etags: ['0123', etag], sizeBytes: 5, modifiedAt });
      assert.equal(await store.head(bucket, 'k'), undefined);
      await store.deleteIf(bucket, 'k', { etags: [etag] });
      assert.deepEqual(await store.usage(bucket), { objects: 0, bytes: 0 });
    },
  },
];
