import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { damageStore, pick } from '@fornax/testing';
import { uptime } from '../processes.js';
import type { Fault, Target } from './fault.js';

/** What a platform keeps, each in a folder of its own below the data. */
export type Store = 'nats' | 'postgres' | 'objects';

const STREAM = 'FORNAX_EVENTS';
/** When each copy was made, by its folder. */
const copiedAt = new Map<string, number>();

/** A copy of stores, made while nothing runs: what an operator has in the cupboard. */
export const backUp = (...stores: readonly Store[]): Fault => ({
  name: `copy of ${stores.join(', ')}`,
  isPreparation: true,
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

/** An older copy comes back. @returns a change of a stopped platform, which tells when the copy was made */
export const putBack =
  (store: Store) =>
  async (target: Target): Promise<number> => {
    const copy = join(target.copiesDir, store);
    const at = copiedAt.get(copy);
    if (at === undefined) throw new Error(`there is no copy of ${store}`);
    if (!target.acknowledged().some(({ sentAt }) => sentAt > at)) throw new Error('the copy is older than nothing');
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
