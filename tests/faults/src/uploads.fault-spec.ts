import { createHash, randomBytes } from 'node:crypto';
import type { S3Client } from '@fornax/s3';
import { type RunningPlatform, eventually } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { kill } from './nemesis/fault.js';
import { s3Of } from './nemesis/s3-of.js';
import { signal } from './processes.js';
import { Testbed } from './testbed/testbed.js';
import { call, insist } from './work.js';

const WRITERS = 20;
const OBJECT_BYTES = 1_000_000;
const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');

let bed: Testbed;
beforeAll(async () => {
  bed = await Testbed.open({ seed });
});
afterAll(async () => {
  await bed.close();
});

const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

describe('uploads and their buckets under faults', () => {
  it('keeps every object whole that was acknowledged when the platform is killed under twenty uploads, and no part of any other', async () => {
    const [Bucket, clients] = ['cut-uploads', Array.from({ length: WRITERS }, () => s3Of(bed))];
    const [first] = clients as [S3Client];
    await first.createBucket(Bucket);
    const [sent, acknowledged] = [new Map<string, string>(), new Set<string>()];
    /** Stores one object after the other, until one is not acknowledged. */
    const write = async (s3: S3Client, writer: number): Promise<string> => {
      for (let number = 0; ; number += 1) {
        const [key, body] = [`writer-${writer}/${number}`, randomBytes(OBJECT_BYTES)];
        sent.set(key, md5(body));
        try {
          await s3.putObject(Bucket, key, body);
          acknowledged.add(key);
        } catch {
          return key;
        }
      }
    };
    const writers = Promise.all(clients.map(write));
    await eventually(async () => acknowledged.size >= WRITERS, { timeoutMs: 60_000 });
    await kill('platform').inject(bed);
    const cutOff = await writers;
    expect(cutOff).toHaveLength(WRITERS);
    await bed.untilReady();
    const stored = await insist(() => first.listObjects(Bucket), 'objects are listed');
    const keys = stored.map(({ key }) => key);
    expect([...acknowledged].filter((key) => !keys.includes(key))).toEqual([]);
    // What was under way may be there, whole: its answer was lost. More than that is not.
    expect(keys.filter((key) => !acknowledged.has(key) && !cutOff.includes(key))).toEqual([]);
    for (const key of keys) expect([key, md5(await first.getBytes(Bucket, key))]).toEqual([key, sent.get(key)]);
    for (const s3 of clients) s3.close();
  });

  it.each([
    ['inputs', { resourceBuckets: ['gone-inputs'] }, 'gone-inputs'],
    ['results', { resultBucket: 'gone-results' }, 'gone-results'],
  ])(
    'fails a task clearly whose bucket of %s goes between its submission and its start',
    async (_what, more, bucket) => {
      const s3 = s3Of(bed);
      await s3.createBucket(bucket);
      const node = await bed.pid('node-1');
      signal(node, 'SIGSTOP');
      let uuid: string;
      try {
        ({ uuid } = await call<{ readonly uuid: string }>(bed.platform, 'POST', '/tasks', {
          name: bucket,
          profile: 'docker-batch',
          instanceCount: 1,
          constants: [{ key: 'DOCKER_CMD', value: "sh -c 'echo done > done.txt'" }],
          ...more,
        }));
        await s3.deleteBucket(bucket);
      } finally {
        signal(node, 'SIGCONT');
      }
      const ended = await insist(async () => {
        const task = await taskOf(bed.platform, uuid);
        if (!['Success', 'Failure', 'Cancelled'].includes(task.state)) throw new Error(`the task is ${task.state}`);
        return task;
      }, 'the task ends');
      expect(ended.state).toBe('Failure');
      expect(ended.errors.map(({ message }) => message).join('\n')).toContain(bucket);
      s3.close();
    },
  );
});

interface TaskView {
  readonly state: string;
  readonly errors: readonly { readonly code: string; readonly message: string }[];
}
const taskOf = (platform: RunningPlatform, uuid: string): Promise<TaskView> =>
  call<TaskView>(platform, 'GET', `/tasks/${uuid}`);
