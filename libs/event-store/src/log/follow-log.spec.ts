import { expect, it } from '@jest/globals';
import { aCommit } from '@fornax/testing';
import type { RecordedCommit } from '@fornax/contracts';
import { followLog } from './follow-log.js';

it('moves past nothing that was not handled before the end, also where a gap that was given up lies behind it', async () => {
  const over = new AbortController();
  const progress: number[] = [];
  const commit = { ...aCommit('c', []), aggregate: 'task', aggregateId: 't', sequence: 5 } as RecordedCommit;
  const failing = (): Promise<never> => {
    over.abort();
    return Promise.reject(new Error('it cannot be handled'));
  };
  const options = { from: 1, signal: over.signal, onProgress: (at: number) => void progress.push(at) };
  await followLog(options, failing, async (_, deliver) => {
    await deliver([], 4);
    await deliver([commit], 5);
    await deliver([], 9);
  });
  expect(progress).toEqual([4]);
});
