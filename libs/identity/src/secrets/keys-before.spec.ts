import { InMemoryLog } from '@fornax/event-store';
import type { AccountEvent, MasterKeyEvent } from '@fornax/domain';
import { describe, expect, it } from '@jest/globals';
import { keyIdOf } from './envelope.js';
import { MASTER_KEY_RING, sealMasterKey } from './earlier-keys.js';
import { keysBefore } from './keys-before.js';
import { Sealer } from './sealer.js';

const keyOf = (byte: number) => new Uint8Array(32).fill(byte);
const [first, second, third, stranger] = [keyOf(1), keyOf(2), keyOf(3), keyOf(4)];
const at = 1;
const token = (key: Uint8Array): AccountEvent => ({
  type: 'TokenIssued',
  accountId: 'ann',
  email: 'ann@example.org',
  role: 'operator',
  tokenId: 't',
  name: 'test',
  hash: 'h',
  sealedSecret: new Sealer(key).sealWithMaster('token'),
  at,
});
const rotation = (from: Uint8Array, to: Uint8Array): MasterKeyEvent => ({
  type: 'MasterKeySucceeded',
  ...sealMasterKey(from, to),
  at,
});
const logOf = async (...history: readonly (AccountEvent | MasterKeyEvent)[]): Promise<InMemoryLog> => {
  const log = new InMemoryLog();
  const meta = { actor: 'service:test' as const, source: 'test', correlationId: 'c' };
  const last = { account: 0, 'master-key': 0 };
  for (const [index, event] of history.entries()) {
    const aggregate = event.type === 'MasterKeySucceeded' ? 'master-key' : 'account';
    const id = aggregate === 'account' ? 'ann' : MASTER_KEY_RING;
    const commit = { id: `c${index}`, events: [event], meta, at };
    last[aggregate] = await log.append(aggregate, id, commit, last[aggregate]);
  }
  return log;
};
const earlier = (...keys: readonly Uint8Array[]) => ({ earlier: keys.map(keyIdOf), unproven: [] });
const unproven = (...keys: readonly Uint8Array[]) => ({ earlier: [], unproven: keys.map(keyIdOf) });

describe('the order of master keys', () => {
  it('is that in which they sealed, whether the newest has sealed yet or not', async () => {
    const before = await logOf(token(first));
    expect(await keysBefore(before, new Sealer(second, [first]))).toEqual(earlier(first));
    const after = await logOf(token(first), token(second));
    expect(await keysBefore(after, new Sealer(second, [first]))).toEqual(earlier(first));
  });

  it('does not take the next key for an earlier one, also once another process seals with it', async () => {
    expect(await keysBefore(await logOf(token(first)), new Sealer(first, [second]))).toEqual(unproven(second));
    const mixed = await logOf(token(first), token(second), rotation(first, second));
    expect(await keysBefore(mixed, new Sealer(first, [second]))).toEqual(unproven(second));
  });

  it('knows a key that sealed nothing but the one before it', async () => {
    const log = await logOf(token(first), rotation(first, second));
    expect(await keysBefore(log, new Sealer(third, [second, first]))).toEqual(earlier(second, first));
  });

  it('knows those that came after a lost one, and none that never sealed', async () => {
    const log = await logOf(token(stranger), token(first));
    expect(await keysBefore(log, new Sealer(second, [first]))).toEqual(earlier(first));
    expect(await keysBefore(log, new Sealer(second, [third]))).toEqual(unproven(third));
    expect(await keysBefore(log, new Sealer(first, [first]))).toEqual(earlier());
  });
});
