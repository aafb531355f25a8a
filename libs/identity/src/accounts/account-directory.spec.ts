import { afterEach, describe, expect, it } from '@jest/globals';
import { InMemoryLog } from '@fornax/event-store';
import type { AccountEvent, AccountRole } from '@fornax/domain';
import { systemClock } from '@fornax/base';
import { aCommit, submitted } from '@fornax/testing';
import { Sealer } from '../secrets/sealer.js';
import { hashToken } from './account.js';
import { AccountsFold } from './accounts-fold.js';
import { AccountDirectory } from './account-directory.js';
import { isRead, tokenOf } from '../http/auth.guard.js';

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
const issued = (token: string, expiresAt?: number): AccountEvent => ({
  type: 'TokenIssued',
  accountId: 'ann',
  email: 'Ann@Example.com',
  role: 'operator',
  tokenId: `id-of-${token}`,
  name: 'test',
  hash: hashToken(token),
  sealedSecret: sealer.sealWithMaster(token),
  ...(expiresAt === undefined ? {} : { expiresAt }),
  at,
});
/** An account of its own, with a token named like it. */
const person = (id: string, role: AccountRole, organisationId?: string): readonly AccountEvent[] => [
  {
    type: 'AccountCreated',
    accountId: id,
    email: `${id}@example.org`,
    role,
    quotas,
    ...(organisationId === undefined ? {} : { organisationId }),
    at,
  },
  {
    type: 'TokenIssued',
    accountId: id,
    email: `${id}@example.org`,
    role,
    tokenId: `id-of-${id}`,
    name: 'test',
    hash: hashToken(id),
    sealedSecret: sealer.sealWithMaster(id),
    at,
  },
];

describe('the account directory', () => {
  const directories: AccountDirectory[] = [];
  afterEach(async () => {
    for (const directory of directories.splice(0)) await directory.close();
  });

  const appendTo = async (log: InMemoryLog, id: string, ...events: readonly AccountEvent[]): Promise<number> => {
    const expected = (await log.readAggregate('account', id)).at(-1)?.sequence ?? 0;
    const meta = { actor: 'service:test' as const, source: 'test', correlationId: 'c' };
    return log.append('account', id, { id: `commit-${id}-${expected}`, events, meta, at }, expected);
  };
  const append = (log: InMemoryLog, ...events: readonly AccountEvent[]): Promise<number> =>
    appendTo(log, 'ann', ...events);
  const open = async (log: InMemoryLog, clock = systemClock): Promise<AccountDirectory> => {
    const directory = new AccountDirectory(log, sealer, clock);
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
    const last = await append(log, issued('two'), { type: 'TokenRevoked', tokenId: 'id-of-one', at });
    expect(await directory.knows(last, 5_000)).toBe(true);
    expect(directory.byToken('one')).toBeUndefined();
    expect(directory.byEmail('ann@example.com')?.secrets).toEqual(['two']);
  });

  it('knows everything up to a commit that is about something else', async () => {
    const log = new InMemoryLog();
    await append(log, created);
    const directory = await open(log);
    const other = await log.append('task', 't', aCommit('other', [submitted('t')]), 0);
    expect(await directory.knows(other, 5_000)).toBe(true);
  });

  it('says when it does not know something in time', async () => {
    const log = new InMemoryLog();
    const directory = await open(log);
    expect(await directory.knows(99, 1)).toBe(false);
  });

  it('opens nothing with an expired token, from the very millisecond, neither by token nor by S3 secret', async () => {
    const log = new InMemoryLog();
    await append(log, created, issued('lasts'), issued('ends', at + 10));
    let now = at + 9;
    const directory = await open(log, { now: () => now });
    expect(directory.byToken('ends')).toMatchObject({ id: 'ann' });
    expect(directory.byEmail('ann@example.com')?.secrets).toEqual(['lasts', 'ends']);
    now = at + 10;
    expect(directory.byToken('ends')).toBeUndefined();
    expect(directory.byEmail('ann@example.com')?.secrets).toEqual(['lasts']);
    expect(directory.tokensOf('ann').map(({ id, expiresAt }) => [id, expiresAt])).toEqual([
      ['id-of-lasts', null],
      ['id-of-ends', at + 10],
    ]);
  });

  it('opens nothing for a disabled account until it is enabled again, and still knows whose its things are', async () => {
    const log = new InMemoryLog();
    await append(log, created, issued('one'), { type: 'AccountDisabled', accountId: 'ann', at });
    const directory = await open(log);
    expect([directory.byToken('one'), directory.byEmail('ann@example.com')]).toEqual([undefined, undefined]);
    expect(directory.byId('ann')).toMatchObject({ isDisabled: true, quotas });
    await directory.knows(await append(log, { type: 'AccountEnabled', accountId: 'ann', at }), 5_000);
    expect(directory.byToken('one')).toMatchObject({ id: 'ann', isDisabled: false });
  });

  it('follows changes of role, quotas and organisation', async () => {
    const log = new InMemoryLog();
    await append(log, created, issued('one'));
    const directory = await open(log);
    const more = { ...quotas, maxTasks: 7 };
    const last = await append(
      log,
      { type: 'RoleChanged', accountId: 'ann', role: 'auditor', at },
      { type: 'QuotasChanged', accountId: 'ann', quotas: more, at },
      { type: 'OrganisationChanged', accountId: 'ann', organisationId: 'acme', at },
    );
    await directory.knows(last, 5_000);
    expect(directory.byToken('one')).toMatchObject({ role: 'auditor', quotas: more, organisationId: 'acme' });
    expect(directory.membersOf('acme').map(({ id }) => id)).toEqual(['ann']);
  });

  it('lets one account stop a token that another one has, too', async () => {
    const log = new InMemoryLog();
    await append(log, created, issued('same'));
    await appendTo(log, 'bob', ...person('bob', 'user'), {
      ...issued('same'),
      accountId: 'bob',
      tokenId: 'bobs',
    } as AccountEvent);
    const directory = await open(log);
    await directory.knows(await append(log, { type: 'TokenRevoked', tokenId: 'id-of-same', at }), 5_000);
    expect(directory.byToken('same')).toMatchObject({ id: 'bob' });
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

describe('projects in the directory', () => {
  const project = (projectId: string, ownerId: string, ownerKind: 'account' | 'organisation'): AccountEvent => ({
    type: 'ProjectCreated',
    projectId,
    ownerId,
    ownerKind,
    name: projectId,
    slug: projectId,
    description: '',
    at,
  });
  const acme: AccountEvent = {
    type: 'OrganisationCreated',
    organisationId: 'acme',
    name: 'Acme',
    quotas: { maxInstances: 1, maxCores: 1 },
    at,
  };
  const choose = (ownerId: string, projectId: string): AccountEvent => ({
    type: 'DefaultProjectChosen',
    ownerId,
    projectId,
    at,
  });
  const folded = (...events: readonly AccountEvent[]): AccountsFold => {
    const fold = new AccountsFold();
    for (const event of events) fold.apply(event);
    return fold;
  };
  const defaultOf = (fold: AccountsFold, id: string): string | undefined => {
    const account = fold.accounts.get(id);
    return account && fold.usableBy(account).find(({ isDefault }) => isDefault)?.id;
  };

  it('begin with one for an account that is older than projects', () =>
    expect(defaultOf(folded(created), 'ann')).toBe('ann'));

  it('have as default what the account chose, else what its organisation chose, else the first one', () => {
    const start = [acme, ...person('bob', 'user', 'acme'), project('own', 'bob', 'account')];
    const shared = [project('shared', 'acme', 'organisation'), choose('acme', 'shared')];
    expect(defaultOf(folded(...start), 'bob')).toBe('bob');
    expect(defaultOf(folded(...start, ...shared), 'bob')).toBe('shared');
    const chosen = [...start, ...shared, choose('bob', 'own')];
    expect(defaultOf(folded(...chosen), 'bob')).toBe('own');
    const gone: AccountEvent = { type: 'ProjectArchived', projectId: 'own', at };
    expect(defaultOf(folded(...chosen, gone), 'bob')).toBe('shared');
    const left: AccountEvent = { type: 'OrganisationChanged', accountId: 'bob', organisationId: null, at };
    expect(defaultOf(folded(...chosen, gone, left), 'bob')).toBe('bob');
  });

  it('are used by nobody outside, and not once they are archived', () => {
    const fold = folded(
      acme,
      project('shared', 'acme', 'organisation'),
      ...person('bob', 'user', 'acme'),
      ...person('eve', 'user'),
      project('own', 'bob', 'account'),
    );
    const usableBy = (id: string): readonly string[] => {
      const account = fold.accounts.get(id);
      return account ? fold.usableBy(account).map((known) => known.id) : [];
    };
    expect([usableBy('bob'), usableBy('eve')]).toEqual([['bob', 'own', 'shared'], ['eve']]);
    fold.apply({ type: 'ProjectArchived', projectId: 'shared', at });
    expect(usableBy('bob')).toEqual(['bob', 'own']);
  });
});

describe('reading as somebody else', () => {
  const world = async (): Promise<AccountDirectory> => {
    const log = new InMemoryLog();
    const people = [
      person('root', 'operator'),
      person('audit', 'auditor', 'acme'),
      person('lone', 'auditor'),
      person('bob', 'user', 'acme'),
      person('mate', 'user', 'acme'),
      person('eve', 'user'),
    ];
    const meta = { actor: 'service:test' as const, source: 'test', correlationId: 'c' };
    for (const [index, events] of people.entries())
      await log.append('account', `p${index}`, { id: `c${index}`, events, meta, at }, 0);
    const directory = new AccountDirectory(log, sealer);
    await directory.ready;
    return directory;
  };

  it.each([
    ['root', 'bob', true],
    ['root', 'EVE@example.org', true],
    ['root', 'nobody', false],
    ['audit', 'bob', true],
    ['audit', 'bob@example.org', true],
    ['audit', 'audit', true],
    ['audit', 'root', false],
    ['audit', 'eve', false],
    ['lone', 'eve', false],
    ['lone', 'lone', true],
    ['bob', 'mate', false],
    ['bob', 'bob', false],
    ['eve', 'root', false],
  ])('%s as %s: %s', async (reader, target, isAllowed) => {
    const directory = await world();
    const caller = directory.byToken(reader);
    if (!caller) throw new Error(`no account ${reader}`);
    const account = directory.readableAs(caller, target);
    expect(account !== undefined).toBe(isAllowed);
    // Whoever it is, reading gives no more power than an auditor has.
    if (account) expect(account).toMatchObject({ role: 'auditor', readBy: reader });
    await directory.close();
  });

  it.each([
    ['GET', '/tasks/:id', true],
    ['HEAD', '/tasks', true],
    ['POST', '/tasks/search', true],
    ['POST', '/tasks/summaries/paginate', true],
    ['POST', '/sanity-checks/pools/scaling', true],
    ['POST', '/fornax/v1/pools/scaling/simulate', true],
    ['POST', '/pools/:id/sanity-checks/x', false],
    ['POST', '/tasks/:id/stdout', false],
    ['POST', '/tasks/:id', false],
    ['POST', undefined, false],
    ['PUT', '/tasks/search', false],
    ['DELETE', '/tasks/paginate', false],
  ])('%s %s reads: %s', (method, route, reads) => expect(isRead(method, route)).toBe(reads));
});
