import { cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { damageStore } from '@fornax/testing';
import { uptime } from '../processes.js';
import { pick } from '../random.js';
import { insist } from '../work.js';
import type { Fault, Target } from './fault.js';
import { s3Of } from './s3-of.js';

/** What a platform keeps, each in a folder of its own below the data. */
export type Store = 'nats' | 'postgres' | 'objects';

/** What each instance of these scenarios leaves, at least. */
export const RESULT_BYTES = 1_000_000;
const STREAM = 'FORNAX_EVENTS';
/** When each copy was made, by its folder. */
const copiedAt = new Map<string, number>();

/** A copy of stores, made while nothing runs: what an operator has in the cupboard. */
export const backUp = (...stores: readonly Store[]): Fault => ({
  name: `copy of ${stores.join(', ')}`,
  inject: async (target) => {
    target.note(`copy of ${stores.join(', ')}`);
    await target.restart({
      ends: 'in order',
      awaits: 'ready',
      change: async () => {
        for (const store of stores) {
          const copy = join(target.copiesDir, store);
          await rm(copy, { recursive: true, force: true });
          await mkdir(target.copiesDir, { recursive: true });
          await cp(join(target.dataDir, store), copy, { recursive: true });
          copiedAt.set(copy, await uptime());
        }
      },
    });
  },
});

/** Until a bucket has an object more: a copy is older than nothing before that. */
export const untilStored = (bucket: string): Fault => ({
  name: `until something is stored in ${bucket}`,
  inject: async (target) => {
    const s3 = s3Of(target);
    const count = async (): Promise<number> => (await s3.listObjects(bucket)).length;
    try {
      const before = await insist(count, `list ${bucket}`);
      await insist(async () => {
        if ((await count()) <= before) throw new Error('nothing is stored');
      }, `something is stored in ${bucket}`);
    } finally {
      s3.close();
    }
  },
});

/** An older copy comes back. @returns a change of a stopped platform, which tells when the copy was made */
export const putBack =
  (store: Store) =>
  async (target: Target): Promise<number> => {
    const copy = join(target.copiesDir, store);
    const at = copiedAt.get(copy);
    if (at === undefined) throw new Error(`there is no copy of ${store}`);
    await rm(join(target.dataDir, store), { recursive: true });
    await cp(copy, join(target.dataDir, store), { recursive: true });
    return at;
  };

/** One of the tasks that were acknowledged last. */
const lateTask = (target: Target): { readonly key: string; readonly sentAt: number } =>
  pick(target.random, target.acknowledged().slice(-3));

/** The log's last block is cut off before a late task was submitted. */
export const cutOffTheLog = async (target: Target): Promise<number> => {
  const { key, sentAt } = lateTask(target);
  target.note(`the log is cut off before ${key}`);
  await damageStore(join(target.dataDir, 'nats'), STREAM).truncateBefore(key);
  return sentAt;
};

/** One bit of the submission of a late task is another one. */
export const flipABitOfTheLog = async (target: Target): Promise<number> => {
  const { key, sentAt } = lateTask(target);
  target.note(`one bit of the log is another one, in ${key}`);
  await damageStore(join(target.dataDir, 'nats'), STREAM).flipBitIn(key);
  return sentAt;
};

const filesBelow = async (folder: string): Promise<readonly string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
};

/** Payloads of results that were stored first: surely those of objects, while the last ones may be of attempts that came to nothing. */
const firstResults = async (folder: string, leastBytes: number): Promise<readonly string[]> => {
  const files = (await filesBelow(folder)).filter((file) => !file.includes('set-aside'));
  const facts = await Promise.all(files.map(async (file) => ({ file, ...(await stat(file)) })));
  return facts
    .filter(({ size }) => size >= leastBytes)
    .sort((x, y) => x.mtimeMs - y.mtimeMs)
    .slice(0, 2)
    .map(({ file }) => file);
};

/** A file of objects loses its second half. */
export const cutOffAnObject = async (target: Target): Promise<number> => {
  const file = pick(target.random, await firstResults(join(target.dataDir, 'objects'), RESULT_BYTES));
  const { size } = await stat(file);
  target.note(`${file} is cut off at ${Math.floor(size / 2)} of ${size} bytes`);
  await truncate(file, Math.floor(size / 2));
  return 0;
};

/** One bit in the middle of a file of objects is another one. */
export const flipABitOfAnObject = async (target: Target): Promise<number> => {
  const file = pick(target.random, await firstResults(join(target.dataDir, 'objects'), RESULT_BYTES));
  const bytes = await readFile(file);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(file, bytes);
  target.note(`one bit of ${file} is another one`);
  return 0;
};
