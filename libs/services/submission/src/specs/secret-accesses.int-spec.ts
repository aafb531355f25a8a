import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WireSecretAccesses } from '@fornax/contracts';
import { SecretLease, secretsIn } from './secrets.fixture.js';
import { startHarness, type Harness } from './submission.fixture.js';

let harness: Harness;
const { call, made, read } = secretsIn(() => harness);
const leases = new SecretLease(() => harness);
const ask = (asked?: object, node?: string) => leases.ask(asked, node);
beforeAll(async () => {
  harness = await startHarness({ FORNAX_SECRET_ACCESSES_KEPT: '20' });
  await leases.open();
}, 120_000);
afterAll(() => harness.close());

describe('accesses to secrets', () => {
  const accesses = async (query = '', options: Parameters<Harness['call']>[3] = {}) => {
    const answer = await harness.call('GET', `/fornax/v1/secrets/accesses${query}`, undefined, options);
    return answer.json() as unknown as WireSecretAccesses;
  };
  const short = ({ accesses: all }: WireSecretAccesses) => all.map(({ key, version, way }) => [key, version, way]);

  it('are shown to their account, newest first: which key, version and instance, never the value', async () => {
    const taskId = 'seen';
    await made('seen/a', 'first value');
    await made('seen/b/c', 'x');
    await read('seen/a');
    leases.rights = { keys: [], prefixes: ['seen/'] };
    await ask({ taskId });
    await call('PATCH', 'seen/a', 'second value');
    await ask({ taskId, wants: { key: 'seen/a' } });
    const all = [
      ['seen/a', 2, 'request'],
      ['seen/b/c', 1, 'start'],
      ['seen/a', 1, 'start'],
      ['seen/a', 1, 'read'],
    ];
    const shown = await accesses('?key=seen/');
    expect(short(shown)).toEqual(all);
    expect(shown.accesses[0]).toMatchObject({ taskUuid: taskId, instanceId: 3, leaseId: 'l', node: 'node-1' });
    expect(shown.accesses[3]).toMatchObject({ actor: `user:${leases.owner}`, taskUuid: null, node: null });
    expect(JSON.stringify(shown)).not.toContain('value"');
    expect(JSON.stringify(shown)).not.toMatch(/(first|second) value/);
    expect(short(await accesses('?key=seen/a'))).toEqual(all.filter(([key]) => key === 'seen/a'));
    expect(short(await accesses(`?taskUuid=${taskId}`))).toEqual(all.slice(0, 3));
    // Also once the secret is gone.
    await call('DELETE', 'seen/a');
    expect(short(await accesses('?key=seen/'))).toEqual(all);
  });

  it('come in pages, and from a time to another', async () => {
    const found: unknown[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page: WireSecretAccesses = await accesses(`?key=seen/&limit=1${after && `&after=${after}`}`);
      expect(page.accesses.length).toBe(1);
      found.push(...page.accesses);
      after = page.next;
    }
    expect(found).toEqual((await accesses('?key=seen/')).accesses);
    const at = (found[3] as { readonly at: string }).at;
    expect((await accesses(`?key=seen/&to=${at}`)).accesses).toEqual([]);
    expect((await accesses(`?key=seen/&from=${at}`)).accesses).toHaveLength(4);
    for (const query of ['from=never', 'after=7', 'limit=0', 'limit=1001'])
      expect(await harness.call('GET', `/fornax/v1/secrets/accesses?${query}`)).toMatchObject({ status: 400 });
  });

  it('of one account are nothing to another, under the same keys too; who may read as it sees them', async () => {
    const other = await harness.addAccount();
    expect((await accesses('', { token: other })).accesses).toEqual([]);
    await call('PUT', 'seen/b/c', 'y', other);
    await call('GET', 'seen/b/c', undefined, other);
    expect(short(await accesses('', { token: other }))).toEqual([['seen/b/c', 1, 'read']]);
    const mine = await accesses('?key=seen/b/c');
    expect(short(mine)).toEqual([['seen/b/c', 1, 'start']]);
    expect(await accesses('?key=seen/b/c', { headers: { QarnotReadOnlyRequestForAccount: harness.email } })).toEqual(
      mine,
    );
  });

  it('are folded from the log alone', async () => {
    const before = await accesses('?key=seen/');
    expect(await harness.call('POST', '/fornax/v1/projections/secret-accesses/rebuild', {})).toMatchObject({
      status: 200,
    });
    expect(await accesses('?key=seen/')).toEqual(before);
  });

  it('are kept as far as the setting says, the newest of each account, and the same where all are folded again', async () => {
    const other = await harness.addAccount();
    for (const key of ['kept/a', 'kept/b']) await call('PUT', key, 'x', other);
    for (let one = 0; one < 19; one += 1) await call('GET', 'kept/a', undefined, other);
    await call('GET', 'kept/b', undefined, other);
    await made('kept/mine', 'x');
    const mine = await accesses('?key=kept/mine');
    expect(mine.accesses).toEqual([]);
    const all = short(await accesses('?limit=1000', { token: other }));
    expect(all).toHaveLength(20);
    expect(all[0]).toEqual(['kept/b', 1, 'read']);
    for (let one = 0; one < 5; one += 1) await call('GET', 'kept/b', undefined, other);
    const newest = await accesses('?limit=1000', { token: other });
    expect(short(newest).map(([key]) => key)).toEqual([...Array(6).fill('kept/b'), ...Array(14).fill('kept/a')]);
    // The log has them all; what of it is shown is the same, folded in whichever batches.
    const rebuild = (body: object) => harness.call('POST', '/fornax/v1/projections/secret-accesses/rebuild', body);
    expect((await rebuild({ verify: true })).json()).toMatchObject({ differences: [] });
    expect(await rebuild({})).toMatchObject({ status: 200 });
    expect(await accesses('?limit=1000', { token: other })).toEqual(newest);
    expect(short(await accesses('?key=seen/'))).toHaveLength(4);
  });
});
