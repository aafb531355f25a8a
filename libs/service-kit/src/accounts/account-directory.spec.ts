import { afterEach, describe, expect, it } from '@jest/globals';
import { InMemoryLog } from '@fornax/event-store';
import type { AccountEvent } from '@fornax/domain';
import { Sealer } from '../secrets/sealer.js';
import { hashToken } from './account.js';
import { AccountDirectory } from './account-directory.js';
import { tokenOf } from './auth.guard.js';

const at = 1_700_000_000_000;
const sealer = new Sealer(Buffer.alloc(32, 3));
const quotas = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 1, maxCores: 1 };
const created: AccountEvent = {
  type: 'AccountCreated',
  accountId: 'ann',
  email: 'Ann@Example.com',
  role: 'operator',
  quotas,
  at,
};
const issued = (token: string): AccountEvent => ({
  type: 'TokenIssued',
  accountId: 'ann',
  email: 'Ann@Example.com',
  role: 'operator',
  tokenId: `id-of-${token}`,
  name: 'test',
  hash: hashToken(token),
  sealedSecret: sealer.sealWithMaster(token),
  at,
});

describe('the account directory', () => {
  const directories: AccountDirectory[] = [];
  afterEach(async () => {
    for (const directory of directories.splice(0)) await directory.close();
  });

  const append = async (log: InMemoryLog, ...events: readonly AccountEvent[]): Promise<void> => {
    const expected = (await log.readAggregate('account', 'ann')).at(-1)?.sequence ?? 0;
    const meta = { actor: 'service:test', source: 'test', correlationId: 'c' };
    await log.append('account', 'ann', { id: `commit-${expected}`, events, meta, at }, expected);
  };
  const open = async (log: InMemoryLog): Promise<AccountDirectory> => {
    const directory = new AccountDirectory(log, sealer);
    directories.push(directory);
    await directory.ready;
    return directory;
  };

  it('is empty on an empty log', async () => {
    const directory = await open(new InMemoryLog());
    expect([directory.isEmpty(), directory.isReady(), directory.byToken('x')]).toEqual([true, true, undefined]);
  });

  it('knows accounts by token, id and e-mail in any case, and never the token itself', async () => {
    const log = new InMemoryLog();
    await append(log, created, issued('one'), issued('two'));
    const directory = await open(log);
    const account = directory.byToken('one');
    expect(account).toMatchObject({ id: 'ann', email: 'Ann@Example.com', role: 'operator', tokenId: 'id-of-one' });
    expect(directory.byId('ann')).toMatchObject({ id: 'ann', tokenId: '' });
    expect(directory.byEmail('ann@example.COM')).toMatchObject({ account: { id: 'ann' }, secrets: ['one', 'two'] });
    expect([directory.byToken('three'), directory.byToken(''), directory.byToken(hashToken('one'))]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('learns of new tokens and forgets revoked ones while it lives', async () => {
    const log = new InMemoryLog();
    await append(log, created, issued('one'));
    const directory = await open(log);
    await append(log, issued('two'), { type: 'TokenRevoked', tokenId: 'id-of-one', at });
    while (directory.byToken('two') === undefined) await new Promise((resolve) => setImmediate(resolve));
    expect(directory.byToken('one')).toBeUndefined();
    expect(directory.byEmail('ann@example.com')?.secrets).toEqual(['two']);
  });

  it('takes a token with or without a scheme word', () => {
    expect([tokenOf('abc'), tokenOf('Bearer abc'), tokenOf('bearer  abc'), tokenOf(undefined)]).toEqual([
      'abc',
      'abc',
      'abc',
      '',
    ]);
  });
});
