import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SecretsReply } from '@fornax/contracts';
import { SecretLease, secretsIn } from './secrets.fixture.js';
import { startHarness, submitTo, type Harness } from './submission.fixture.js';

let harness: Harness;
const { call, made, rows } = secretsIn(() => harness);
const leases = new SecretLease(() => harness);
const ask = (asked?: object, node?: string) => leases.ask(asked, node);
beforeAll(async () => {
  harness = await startHarness();
  await leases.open();
}, 120_000);
afterAll(() => harness.close());

const keysOf = (reply: SecretsReply) => (reply.granted ? reply.secrets.map(({ key }) => key) : []);

describe('secrets of a lease', () => {
  it('are those that its task may read, newest version each, and nothing besides', async () => {
    for (const key of ['lease/a', 'lease/b/c', 'lease/b/d', 'lease/bb', 'lease/z']) await made(key, `of ${key}`);
    await call('PATCH', 'lease/a', 'newer');
    await call('PUT', 'lease/other', 'x', await harness.addAccount());
    leases.rights = { keys: ['lease/a', 'lease/none', 'lease/other'], prefixes: ['lease/b/'] };
    expect(await ask()).toEqual({
      granted: true,
      secrets: [
        { key: 'lease/a', version: 2, value: 'newer' },
        { key: 'lease/b/c', version: 1, value: 'of lease/b/c' },
        { key: 'lease/b/d', version: 1, value: 'of lease/b/d' },
      ],
      hasMore: false,
      // That another account has one of them is told to nobody.
      missing: ['lease/none', 'lease/other'],
    });
    leases.rights = { keys: [], prefixes: ['lease/b'] };
    expect(keysOf(await ask())).toEqual(['lease/b/c', 'lease/b/d', 'lease/bb']);
    leases.rights = { keys: [], prefixes: [] };
    expect(await ask()).toMatchObject({ granted: true, secrets: [] });
  });

  it('are told to the node that holds it, and to no other', async () => {
    leases.rights = { keys: ['lease/a'], prefixes: [] };
    expect(await ask({}, 'node-2')).toMatchObject({ granted: false });
    expect(await ask({ leaseId: 'another' })).toMatchObject({ granted: false });
  });

  it('are given one by one, or a folder of them, to an instance that asks: never more than its task may read', async () => {
    const taskId = 'asks';
    leases.rights = { keys: ['lease/a', 'lease/none'], prefixes: ['lease/b/'] };
    const a = { key: 'lease/a', version: 2, value: 'newer' };
    expect(await ask({ taskId, wants: { key: 'lease/a' } })).toEqual({ granted: true, secrets: [a], hasMore: false });
    for (const key of ['lease/z', 'lease/none', 'lease/b/none'])
      expect(await ask({ taskId, wants: { key } })).toEqual({ granted: true, secrets: [], hasMore: false });
    expect(keysOf(await ask({ taskId, wants: { below: 'lease/' } }))).toEqual(['lease/a', 'lease/b/c', 'lease/b/d']);
    expect(await ask({ taskId, wants: { below: 'lease/b/', namesOnly: true } })).toEqual({
      granted: true,
      secrets: [],
      names: ['lease/b/c', 'lease/b/d'],
      hasMore: false,
    });
    expect(await ask({ wants: { key: 'lease/a' } }, 'node-2')).toMatchObject({ granted: false });
    const commits = await harness.log.readAggregate('secret-access', taskId);
    // Names alone are no access, and neither is what was not given.
    expect(commits.flatMap(({ events }) => events)).toMatchObject([
      { type: 'SecretsGranted', onRequest: true, leaseId: 'l', secrets: [{ key: 'lease/a', version: 2 }] },
      {
        onRequest: true,
        secrets: [
          { key: 'lease/b/c', version: 1 },
          { key: 'lease/b/d', version: 1 },
        ],
      },
    ]);
  });

  it('are taken down once in each version, however often a lease asks, and as those of its start besides', async () => {
    const taskId = 'asks-again';
    await made('again/a', 'old');
    leases.rights = { keys: [], prefixes: ['again/'] };
    const wants = { below: 'again/' };
    for (let n = 0; n < 3; n += 1) expect(keysOf(await ask({ taskId, wants }))).toEqual(['again/a']);
    for (let n = 0; n < 2; n += 1) expect(keysOf(await ask({ taskId }))).toEqual(['again/a']);
    await call('PATCH', 'again/a', 'new');
    for (let n = 0; n < 2; n += 1) expect(await ask({ taskId, wants })).toMatchObject({ secrets: [{ value: 'new' }] });
    const commits = await harness.log.readAggregate('secret-access', taskId);
    expect(commits.flatMap(({ events }) => events)).toMatchObject([
      { onRequest: true, secrets: [{ key: 'again/a', version: 1 }] },
      { secrets: [{ key: 'again/a', version: 1 }] },
      { onRequest: true, secrets: [{ key: 'again/a', version: 2 }] },
    ]);
  });

  it('come in parts that a message takes', async () => {
    const value = '\u0001'.repeat(65_536);
    for (const one of ['1', '2', '3', '4']) await made(`large/${one}`, value);
    leases.rights = { keys: [], prefixes: ['large/'] };
    const first = await ask();
    expect(first).toMatchObject({ hasMore: true });
    expect(first).toMatchObject({ next: keysOf(first).at(-1) });
    const second = await ask({ after: keysOf(first).at(-1) });
    expect([...keysOf(first), ...keysOf(second)]).toEqual(['large/1', 'large/2', 'large/3', 'large/4']);
  });

  it.each([
    [
      'many',
      1_001,
      (n: number) => `many/${n}`,
      1,
      /1001 secrets of 1001 bytes together, with 2002 parts.*takes 1000 secrets of 1048576 bytes.*name keys or longer prefixes/,
    ],
    ['large', 17, (n: number) => `much/${n}`, 65_536, /17 secrets of 1114112 bytes/],
    ['deep', 21, (n: number) => `deep/${'k/'.repeat(498)}${n}`, 1, /21 secrets of 21 bytes together, with 10500 parts/],
  ])(
    'that are too %s for the memory of a node are refused, with how much there is and may be',
    async (_, count, key, bytes, sentence) => {
      const all = Array.from({ length: count }, (__, n) => key(n));
      for (let at = 0; at < count; at += 50)
        await Promise.all(all.slice(at, at + 50).map((one) => made(one, 'x'.repeat(bytes))));
      const prefix = `${key(0).split('/')[0] ?? ''}/`;
      leases.rights = { keys: [], prefixes: [prefix] };
      const refusal = { granted: false, code: 'FX-SECRETS', reason: expect.stringMatching(sentence) };
      expect(await ask()).toEqual(refusal);
      expect(await ask({ after: all[1] })).toEqual(refusal);
      leases.rights = { keys: all.slice(1, 17), prefixes: [] };
      expect(await ask()).toMatchObject({ granted: true });
    },
    60_000,
  );

  it('are refused where the data key of one is lost, which is named', async () => {
    for (const key of ['lost/a', 'lost/b']) await made(key, 'x');
    await rows('DELETE FROM data_key WHERE key_id = (SELECT key_id FROM secret WHERE key = $1)', 'lost/b');
    leases.rights = { keys: [], prefixes: ['lost/'] };
    expect(await ask()).toEqual({
      granted: false,
      code: 'FX-SECRETS',
      reason: expect.stringMatching(/^The secret lost\/b cannot be opened: .*create it again/),
    });
    await call('DELETE', 'lost/b');
    expect(keysOf(await ask())).toEqual(['lost/a']);
  });

  it('are an event, without values: which lease, node, key and version', async () => {
    const taskId = 'told';
    leases.rights = { keys: ['lease/a'], prefixes: [] };
    await Promise.all(Array.from({ length: 20 }, (_, instance) => ask({ taskId, instance })));
    const commits = await harness.log.readAggregate('secret-access', taskId);
    const events = commits.flatMap((commit) => commit.events);
    expect(events).toHaveLength(20);
    expect(events[0]).toMatchObject({
      type: 'SecretsGranted',
      owner: leases.owner,
      taskId,
      leaseId: 'l',
      node: 'node-1',
      secrets: [{ key: 'lease/a', version: 2 }],
    });
    const mine = await submitTo(harness, {});
    await ask({ taskId: mine, wants: { key: 'lease/a' } });
    const history = (await harness.call('GET', `/fornax/v1/tasks/${mine}/events`)).json()['events'];
    expect(history).toMatchObject([
      { type: 'TaskSubmitted', aggregate: 'task' },
      {
        type: 'SecretsGranted',
        taskId: mine,
        aggregate: 'secret-access',
        data: { instance: 3, node: 'node-1', onRequest: true, secrets: [{ key: 'lease/a', version: 2 }] },
      },
    ]);
    // Those that come together are taken down together.
    expect(commits.length).toBeLessThan(20);
    expect(JSON.stringify(commits)).not.toContain('newer');
  });
});
