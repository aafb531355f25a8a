import { InMemoryLog } from '@fornax/event-store';
import { describe, expect, it } from '@jest/globals';
import { earlierMasterKeys, MASTER_KEY_RING, sealMasterKey } from './earlier-keys.js';
import { Sealer } from './sealer.js';

const [first, second, third] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const meta = { actor: 'service:test' as const, source: 'test', correlationId: 'c' };
const logOf = async (...kept: readonly ReturnType<typeof sealMasterKey>[]): Promise<InMemoryLog> => {
  const log = new InMemoryLog();
  for (const [index, key] of kept.entries()) {
    const events = [{ type: 'MasterKeySucceeded' as const, ...key, at: 1 }];
    await log.append('master-key', MASTER_KEY_RING, { id: `c${index}`, events, meta, at: 1 }, index);
  }
  return log;
};

describe('earlier master keys', () => {
  it('are opened by the newest, over several rotations', async () => {
    const log = await logOf(sealMasterKey(first, second), sealMasterKey(second, third));
    const sealed = new Sealer(first).sealWithMaster('token of the first days');
    const earlier = await earlierMasterKeys(log, [third]);
    expect(new Sealer(third, earlier).openWithMaster(sealed)).toBe('token of the first days');
    expect(await earlierMasterKeys(log, [second])).toEqual([first]);
  });

  it('are not opened by one that came before them, or by another one', async () => {
    const log = await logOf(sealMasterKey(first, second));
    expect(await earlierMasterKeys(log, [first])).toEqual([]);
    expect(await earlierMasterKeys(log, [third])).toEqual([]);
    expect(await earlierMasterKeys(new InMemoryLog(), [first])).toEqual([]);
  });
});
