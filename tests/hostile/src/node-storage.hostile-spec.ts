import { encodeBundle, FILE_BUNDLE_QUERY } from '@fornax/contracts';
import { S3Client } from '@fornax/s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import {
  enterAsLiar,
  leaveAsLiar,
  ask,
  firstOf,
  platform,
  intruder,
  person,
  victim,
  own,
  type Task,
} from './lying-node.js';

beforeAll(enterAsLiar, 240_000);
afterAll(leaveAsLiar, 60_000);

describe('a node with the storage credentials of a lease', () => {
  const codeOf = (attempt: Promise<unknown>): Promise<unknown> =>
    attempt.then(
      () => 'done',
      (error: { readonly status?: number; readonly code?: string }) => `${error.status} ${error.code}`,
    );

  it('opens nothing but the results of that lease, and nothing once it is over', async () => {
    const lease = firstOf(own);
    const granted = await intruder.ask('grant', { leaseId: lease.leaseId, taskId: own.task, instance: 0 });
    const { s3 } = granted.ok as {
      readonly s3: { readonly accessKey: string; readonly secretKey: string; readonly sessionToken: string };
    };
    const client = new S3Client({ endpoint: platform.storageUrl, ...s3 });
    const put = (bucket: string, key: string): Promise<unknown> => codeOf(client.putObject(bucket, key, 'a lie'));
    const bundle = (bucket: string, ...keys: readonly string[]): Promise<unknown> => {
      const files = keys.map((key) => ({ key, mode: '100755', bytes: Buffer.from('a lie') }));
      return codeOf(client.post(bucket, FILE_BUNDLE_QUERY, encodeBundle(files)));
    };
    const theirs = `${victim.task}/${firstOf(victim).leaseId}/victim-results`;
    const denied = {
      'reads a bucket of the same owner': await codeOf(client.getBytes('private', 'diary')),
      'lists the results of another task': await codeOf(client.listObjects('victim-results', '')),
      'writes results of another task': await put('victim-results', 'before'),
      'writes a new object there': await put('victim-results', 'forged'),
      'writes many results of another task': await bundle('victim-results', 'forged', 'before'),
      'writes many objects of the same owner': await bundle('private', 'forged'),
      'removes results': await codeOf(client.deleteObject('victim-results', 'before')),
      'makes a bucket': await codeOf(client.createBucket('forged')),
    };
    expect([...new Set(Object.values(denied))]).toEqual(['403 AccessDenied']);
    // The area where results wait is no bucket on the wire.
    for (const bucket of ['.staging', '.output', 'fornax-output'])
      expect(await put(bucket, `${theirs}/forged`)).not.toBe('done');
    // Paths in its own keys are names below its own place.
    for (const key of [
      '../victim-results/forged',
      `x/../../${theirs}/forged`,
      `x/..%2F..%2F${theirs}/forged`,
      `${theirs}/forged`,
      '..\\..\\forged',
    ])
      expect([await put('own-results', key), await bundle('own-results', `many/${key}`, key)]).toEqual([
        'done',
        'done',
      ]);
    // What its list says and what its bytes are must belong together.
    const torn = encodeBundle([{ key: 'k', mode: '100644', bytes: Buffer.from('cut') }]).subarray(0, -1);
    expect(await codeOf(client.post('own-results', FILE_BUNDLE_QUERY, torn))).toBe('400 InvalidRequest');

    await ask('POST', `/tasks/${own.task}/abort`);
    await eventually(async () => (await ask<Task>('GET', `/tasks/${own.task}`)).state === 'Cancelled', {
      timeoutMs: 60_000,
    });
    // Until the storage has heard of the end, which the task's state does not wait for.
    await eventually(async () => (await put('own-results', 'probe')) === '403 AccessDenied');
    expect(await put('own-results', 'late')).toBe('403 AccessDenied');
    expect(await bundle('own-results', 'late', 'later')).toBe('403 AccessDenied');
    expect(await intruder.ask('grant', { leaseId: lease.leaseId, taskId: own.task, instance: 0 })).toMatchObject({
      ok: { granted: false },
    });
    client.close();
    const mine = (await person.listObjects('own-results', '')).map(({ key }) => key);
    expect(mine.filter((key) => key.startsWith('late'))).toEqual([]);
    const others = (await person.listObjects('victim-results', '')).map(({ key }) => key);
    expect(others.filter((key) => /forged|late/.test(key))).toEqual([]);
    expect((await person.getBytes('victim-results', 'before')).toString()).toBe('kept');
  });
});
