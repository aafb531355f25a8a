import { describe, expect, it } from '@jest/globals';
import { InMemoryLog, LogUnavailable } from '@fornax/event-store';
import type { AccountEvent } from '@fornax/domain';
import { checkMasterKey } from './check-master-key.js';
import { Sealer } from './sealer.js';

const [right, wrong] = [new Sealer(Buffer.alloc(32, 1)), new Sealer(Buffer.alloc(32, 2))];
const at = 1_700_000_000_000;
const issued = (sealer: Sealer, tokenId: string): AccountEvent => ({
  type: 'TokenIssued',
  accountId: 'ann',
  email: 'ann@example.org',
  role: 'operator',
  tokenId,
  name: 'test',
  hash: tokenId,
  sealedSecret: sealer.sealWithMaster('token'),
  at,
});
const logOf = async (...events: readonly AccountEvent[]): Promise<InMemoryLog> => {
  const log = new InMemoryLog();
  const meta = { actor: 'service:test' as const, source: 'test', correlationId: 'c' };
  for (const [index, event] of events.entries())
    await log.append('account', 'ann', { id: `c${index}`, events: [event], meta, at }, index);
  return log;
};
const source = 'FORNAX_MASTER_KEY_FILE (/data/master.key)';
const check = async (sealer: Sealer, ...events: readonly AccountEvent[]) =>
  checkMasterKey(await logOf(...events), sealer, { source });

describe('the master key', () => {
  it('is the right one when it opens what the log holds', () =>
    expect(check(right, issued(right, 'a'))).resolves.toBe(true));

  it('may be any while the log holds nothing sealed', () => expect(check(wrong)).resolves.toBe(true));

  it('is not taken for the right one while the log cannot be read', async () => {
    const log = await logOf(issued(right, 'a'));
    log.read = () => {
      throw new LogUnavailable('no leader');
    };
    await expect(checkMasterKey(log, right, { source })).rejects.toThrow('no leader');
  });

  it('is refused, with its file, when it opens nothing of the log', () =>
    expect(check(wrong, issued(right, 'a'), issued(right, 'b'))).rejects.toThrow(
      /FORNAX_MASTER_KEY_FILE \(\/data\/master\.key\): this key does not open[^]*backup/,
    ));

  it('may be one that was made later, by a release that made a lost one anew', () =>
    expect(check(wrong, issued(right, 'a'), issued(wrong, 'b'))).resolves.toBe(true));

  it('may be another one for good only where the log is named whose key is lost', async () => {
    const log = await logOf(issued(right, 'a'));
    const { epoch } = await log.head();
    const refusal = /FORNAX_MASTER_KEY_LOST=/;
    await expect(checkMasterKey(log, wrong, { source, lostFor: 'accept' })).rejects.toThrow(refusal);
    await expect(checkMasterKey(log, wrong, { source })).rejects.toThrow(`FORNAX_MASTER_KEY_LOST=${epoch}:`);
    expect(await checkMasterKey(log, wrong, { source, lostFor: epoch })).toBe(false);
    expect(await checkMasterKey(log, right, { source, lostFor: epoch })).toBe(true);
  });
});
