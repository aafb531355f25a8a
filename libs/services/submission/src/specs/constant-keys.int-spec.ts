import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RpcClient } from '@fornax/base';
import { constantKeyReplySchema, RPC } from '@fornax/contracts';
import type { Nats } from '@fornax/event-store';
import { keptKeyIn, Sealer } from '@fornax/identity';
import { NATS } from '@fornax/service-kit';
import { eventually } from '@fornax/testing';
import { constantsOf, openedConstants } from './opened-constants.fixture.js';
import { minimal, startHarness, submitTo, type Harness } from './submission.fixture.js';

const VALUE = 'Zwiebelkuchen-Rezept-0816';
const NAME = 'QARNOT_SECRET_RECIPE';
const constants = [{ key: NAME, value: VALUE }];

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

/** Asks for a key as the scheduler does. */
const wrappedFor = async (keyId: string, ownerId: string): Promise<string | null> =>
  (
    await new RpcClient(harness.test.app.get<Nats>(NATS)).request(
      RPC.constantKey,
      { keyId, ownerId },
      constantKeyReplySchema,
    )
  ).wrapped;
const keysOf = (ownerId: string) => harness.query('SELECT 1 FROM data_key WHERE owner_id = $1', [ownerId]);

/** Everything in the log, and in every table. */
const everything = async (): Promise<string> => {
  const { sequence } = await harness.logItself.head();
  const found: string[] = [];
  for await (const batch of harness.logItself.read({ from: 1, to: sequence, maxBatch: 100 }))
    found.push(JSON.stringify(batch));
  const tables = (await harness.query(
    `SELECT table_schema || '."' || table_name || '"' AS name FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
  )) as { readonly name: string }[];
  for (const { name } of tables) found.push(JSON.stringify(await harness.query(`SELECT * FROM ${name}`)));
  return found.join('\n');
};

/** Whether any 32 bytes that the master key opens in a text open an envelope, whatever it was sealed as. */
const opensWith = (text: string, envelope: string, identities: readonly string[]): boolean => {
  const sealer = harness.test.app.get(Sealer);
  const texts = new Set(text.match(/[A-Za-z0-9_-]{60,}/g));
  const keys = [...texts].flatMap((wrapped) =>
    identities.flatMap((identity) => {
      try {
        return [sealer.unwrap(wrapped, identity)];
      } catch {
        return [];
      }
    }),
  );
  return keys.some((key) =>
    identities.some((identity) => {
      try {
        return sealer.open(key, envelope, identity) === VALUE;
      } catch {
        return false;
      }
    }),
  );
};

describe('the data key of secret constants', () => {
  it('is in no event; the scheduler is told it, for its task alone', async () => {
    const taskId = await submitTo(harness, { constants });
    const { wrappedKey = '' } = await constantsOf(harness, 'task', taskId);
    const keyId = keptKeyIn(wrappedKey) ?? '';
    expect(keyId).not.toBe('');
    expect(await openedConstants(harness, 'task', taskId)).toEqual({ [NAME]: VALUE });
    expect(await wrappedFor(keyId, taskId)).toEqual(expect.any(String));
    expect(await wrappedFor(keyId, await submitTo(harness, {}))).toBeNull();
    // A sealed value that is put into another task opens for nobody.
    await expect(openedConstants(harness, 'task', taskId, 'another')).rejects.toThrow();
  });

  it('is not made for tasks without any, nor for what is refused', async () => {
    const [before] = await harness.query('SELECT count(*)::int AS n FROM data_key');
    await submitTo(harness, {});
    const refused = { ...minimal, constants, instanceCount: 1, profile: 'none-such' };
    expect(await harness.call('POST', '/tasks', refused)).toMatchObject({ status: 400 });
    expect(await harness.query('SELECT count(*)::int AS n FROM data_key')).toEqual([before]);
  });

  it.each(['task', 'pool'] as const)(
    'goes with its %s: neither the log, nor Postgres, nor rebuilt rows give the value up any more',
    async (kind) => {
      const make = async (): Promise<string> =>
        kind === 'task'
          ? submitTo(harness, { constants })
          : String(
              (
                await harness.call('POST', '/pools', {
                  name: 'p',
                  profile: 'docker-batch',
                  instanceCount: 1,
                  constants,
                })
              ).json()['uuid'],
            );
      const id = await make();
      const { wrappedKey = '', sealed } = await constantsOf(harness, kind, id);
      const [envelope = ''] = Object.values(sealed);
      const identities = [`data-key/${keptKeyIn(wrappedKey)}`, `constant/${id}/${NAME}`, ''];
      expect(opensWith(await everything(), envelope, identities)).toBe(true);
      expect(await harness.call('DELETE', `/${kind}s/${id}`)).toMatchObject({ status: 200 });
      await eventually(async () => (await keysOf(id)).length === 0);
      const projection = kind === 'task' ? 'status' : 'pools';
      expect(await harness.call('POST', `/fornax/v1/projections/${projection}/rebuild`, {})).toMatchObject({
        status: 200,
      });
      const all = await everything();
      // The log has the envelope for ever.
      expect(all).toContain(envelope);
      expect(all).not.toContain(VALUE);
      expect(opensWith(all, envelope, identities)).toBe(false);
    },
    60_000,
  );

  it('of events of before is read: a masked value stays what it was, and gets a key outside of the log', async () => {
    const sealer = harness.test.app.get(Sealer);
    const { key, wrapped } = sealer.newDataKey();
    const taskId = await submitTo(harness, {});
    const sealed = sealer.seal(key, VALUE);
    await harness.happen(taskId, {
      type: 'TaskUpdated',
      constants: [{ key: NAME, sealed }],
      wrappedKey: wrapped,
      at: Date.now(),
    });
    const clone = String((await harness.call('POST', `/tasks/${taskId}/clone`, {})).json()['uuid']);
    expect(await openedConstants(harness, 'task', clone)).toEqual({ [NAME]: VALUE });
    const masked = { constants: [{ key: NAME, value: '[SECRET]' }] };
    expect(await harness.call('PUT', `/tasks/${taskId}`, masked)).toMatchObject({ status: 200 });
    expect(await openedConstants(harness, 'task', taskId)).toEqual({ [NAME]: VALUE });
    expect(await keysOf(taskId)).toHaveLength(1);
  });
});

describe('secret constants of a pool', () => {
  it('come to its tasks, however they name the pool, sealed anew; a value of their own comes first', async () => {
    const shortname = 'ovens';
    const pool = { name: 'p', shortname, profile: 'docker-batch', instanceCount: 1, constants };
    const poolUuid = String((await harness.call('POST', '/pools', pool)).json()['uuid']);
    for (const named of [poolUuid, shortname]) {
      const inPool = { profile: '', poolUuid: named };
      const plain = await submitTo(harness, inPool);
      expect(await openedConstants(harness, 'task', plain)).toEqual({ [NAME]: VALUE });
      expect(await keysOf(plain)).toHaveLength(1);
      const own = await submitTo(harness, { ...inPool, constants: [{ key: NAME, value: 'own' }] });
      expect(await openedConstants(harness, 'task', own)).toEqual({ [NAME]: 'own' });
    }
  });
});

describe('a secret constant that was put there from another task', () => {
  it('is refused to whoever clones it, with a sentence', async () => {
    const [from, to] = [await submitTo(harness, { constants }), await submitTo(harness, {})];
    const { wrappedKey = '', sealed } = await constantsOf(harness, 'task', from);
    await harness.happen(to, {
      type: 'TaskUpdated',
      constants: Object.entries(sealed).map(([key, envelope]) => ({ key, sealed: envelope })),
      wrappedKey,
      at: Date.now(),
    });
    const answer = await harness.call('POST', `/tasks/${to}/clone`, {});
    expect(answer).toMatchObject({ status: 409 });
    expect(JSON.stringify(answer.json())).toContain('must be given anew');
  });
});
