import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId, RpcClient } from '@fornax/base';
import { constantKeyReplySchema, RPC } from '@fornax/contracts';
import { CommandRejected, type Nats } from '@fornax/event-store';
import { keptKeyIn, Sealer } from '@fornax/identity';
import { DataKeys, NATS } from '@fornax/service-kit';
import { SecretConstants } from '@fornax/tasks';
import { eventually } from '@fornax/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
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
const keysOf = (ownerId: string) => harness.query('SELECT key_id FROM data_key WHERE owner_id = $1', [ownerId]);
const keyIdsOf = async (ownerId: string): Promise<readonly string[]> =>
  ((await keysOf(ownerId)) as { readonly key_id: string }[]).map(({ key_id: id }) => id);

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
    const task = { ...minimal, constants, instanceCount: 1 };
    const late = { ...task, resourceBuckets: ['none-such'] };
    for (const [path, refused] of [
      ['/tasks', { ...task, profile: 'none-such' }],
      ['/tasks', late],
      ['/fornax/v1/jobs', { name: 'n', project: 'nobody', tasks: [{ name: 'a', environment: { [NAME]: VALUE } }] }],
    ] as const)
      expect((await harness.call('POST', path, refused)).status).toBeGreaterThanOrEqual(400);
    expect(await harness.query('SELECT count(*)::int AS n FROM data_key')).toEqual([before]);
  });

  it.each(['task', 'pool'] as const)(
    'is that of the %s which an unanswered request of the same name began',
    async (kind) => {
      const [{ owner }] = (await harness.query('SELECT owner FROM task LIMIT 1')) as [{ owner: string }];
      const [id, shortname] = [newId(), `unanswered-${kind}`];
      await harness.query(
        'INSERT INTO shortname (kind, owner, shortname, task_id, is_outcome_unknown) VALUES ($1, $2, $3, $4, true)',
        [kind, owner, shortname, id],
      );
      const asked = { name: 'n', profile: 'docker-batch', instanceCount: 1, shortname, constants };
      expect((await harness.call('POST', `/${kind}s`, asked)).json()).toMatchObject({ uuid: id });
      expect(await openedConstants(harness, kind, id)).toEqual({ [NAME]: VALUE });
      expect(await keysOf(id)).toHaveLength(1);
    },
  );

  it.each(['task', 'pool'] as const)(
    'of constants of a %s that were replaced is destroyed, and only that',
    async (kind) => {
      const asked = { name: 'n', profile: 'docker-batch', instanceCount: 1, constants };
      const id = String((await harness.call('POST', `/${kind}s`, asked)).json()['uuid']);
      const keyNow = async (): Promise<string> =>
        keptKeyIn((await constantsOf(harness, kind, id)).wrappedKey ?? '') ?? '';
      const first = await keyNow();
      // As one whose commit nobody has answered yet: its event may still come.
      const pending = harness.test.app.get(DataKeys).make();
      await harness.test.app.get(DataKeys).keep([{ ...pending, ownerId: id }]);
      expect(
        await harness.call('PUT', `/${kind}s/${id}`, { constants: [{ key: NAME, value: '[SECRET]' }] }),
      ).toMatchObject({
        status: 200,
      });
      const second = await keyNow();
      expect(second).not.toBe(first);
      await eventually(async () => (await keyIdsOf(id)).every((one) => one !== first));
      expect(await openedConstants(harness, kind, id)).toEqual({ [NAME]: VALUE });
      expect(new Set(await keyIdsOf(id))).toEqual(new Set([second, pending.keyId]));
      // Without any secret the last one goes too.
      expect(await harness.call('PUT', `/${kind}s/${id}`, { constants: [] })).toMatchObject({ status: 200 });
      await eventually(async () => (await keyIdsOf(id)).join() === pending.keyId);
    },
  );

  it('of before the update is destroyed once the log was read from its beginning, in parts, and never the current one', async () => {
    const keys = harness.test.app.get(DataKeys);
    const ownerId = newId();
    const [first, second] = [keys.make(), keys.make()];
    await keys.keep([first, second].map((key) => ({ ...key, ownerId })));
    // As the update left what was there.
    await harness.query('UPDATE data_key SET named_at = 0 WHERE owner_id = $1', [ownerId]);
    const db = harness.test.app.get<DataSource>(getDataSourceToken('submission'));
    await db.transaction(async ({ queryRunner }) => {
      if (!queryRunner) throw new Error('a transaction has a runner');
      await db.migrations.find(({ name }) => name === 'KeysNamedAnew1790001530000')?.up(queryRunner);
      expect(
        await queryRunner.query("SELECT 1 FROM projection_checkpoint WHERE projection = 'destroyed-keys'"),
      ).toEqual([]);
    });
    await keys.replace([{ ownerId, keyId: first.keyId, sequence: 1_000_001 }]);
    expect(new Set(await keyIdsOf(ownerId))).toEqual(new Set([first.keyId, second.keyId]));
    await keys.replace([{ ownerId, keyId: second.keyId, sequence: 1_000_002 }]);
    expect(await keyIdsOf(ownerId)).toEqual([second.keyId]);
  });

  it('of a change that is refused is not kept; of one that is not answered it is', async () => {
    const secrets = harness.test.app.get(SecretConstants);
    const change = (error: Error) =>
      secrets.change(constants, { ownerId: 'nobody', constants: [] }, () => Promise.reject(error));
    await expect(
      change(new CommandRejected({ kind: 'not-found', code: 'task-not-found', detail: 'gone' })),
    ).rejects.toThrow('gone');
    expect(await keysOf('nobody')).toEqual([]);
    await expect(change(new Error('no answer'))).rejects.toThrow('no answer');
    expect(await keysOf('nobody')).toHaveLength(1);
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
