import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { keptKeyIn } from '@fornax/identity';
import { DataKeys } from '@fornax/service-kit';
import { eventually } from '@fornax/testing';
import { constantsOf, openedConstants } from './opened-constants.fixture.js';
import { minimal, startHarness, submitTo, type Answer, type Harness } from './submission.fixture.js';

const NAME = 'QARNOT_SECRET_RECIPE';
const masked = [{ key: NAME, value: '[SECRET]' }];
const aPool = { name: 'p', profile: 'docker-batch', instanceCount: 1 };

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());
afterEach(() => void jest.restoreAllMocks());

type Kind = 'task' | 'pool';
const constantsWith = (value: string) => [{ key: NAME, value }];
const make = async (kind: Kind, value: string): Promise<string> => {
  const constants = constantsWith(value);
  if (kind === 'task') return submitTo(harness, { constants });
  return String((await harness.call('POST', '/pools', { ...aPool, constants })).json()['uuid']);
};
const put = (kind: Kind, id: string, constants: object): Promise<Answer> =>
  harness.call('PUT', `/${kind}s/${id}`, { constants });
const keyOf = async (kind: Kind, id: string): Promise<string> =>
  keptKeyIn((await constantsOf(harness, kind, id)).wrappedKey ?? '') ?? '';
const isGone = async (keyId: string): Promise<boolean> =>
  (await harness.query('SELECT 1 FROM data_key WHERE key_id = $1', [keyId])).length === 0;

/** Does what reads constants of before while the rows are behind the log, in which they were replaced; the rows come once it has met the destroyed key. */
const whileBehind = async (kind: Kind, id: string, value: string, work: () => Promise<Answer>): Promise<Answer> => {
  const before = await keyOf(kind, id);
  const find = jest.spyOn(harness.test.app.get(DataKeys), 'find');
  let answer: Promise<Answer> | undefined;
  let changed: Promise<Answer> | undefined;
  await harness.within(`LOCK TABLE ${kind} IN SHARE MODE`, async () => {
    changed = put(kind, id, constantsWith(value));
    await eventually(() => isGone(before));
    answer = work();
    await eventually(() => Promise.resolve(find.mock.calls.some(([keyId]) => keyId === before)));
  });
  if (answer === undefined) throw new Error('nothing was asked');
  await changed;
  return answer;
};

describe('secret constants that are replaced while somebody reads them', () => {
  it.each(['task', 'pool'] as const)(
    'are copied as they are by then: clone of a %s',
    async (kind) => {
      const id = await make(kind, 'old');
      const answer = await whileBehind(kind, id, 'new', () => harness.call('POST', `/${kind}s/${id}/clone`, {}));
      expect(answer).toMatchObject({ status: 200 });
      expect(await openedConstants(harness, kind, String(answer.json()['uuid']))).toEqual({ [NAME]: 'new' });
    },
    60_000,
  );

  it('come from the pool as they are by then to a task that is submitted to it', async () => {
    const poolUuid = await make('pool', 'old');
    const inPool = { ...minimal, profile: '', poolUuid };
    const answer = await whileBehind('pool', poolUuid, 'new', () => harness.call('POST', '/tasks', inPool));
    expect(answer).toMatchObject({ status: 200 });
    expect(await openedConstants(harness, 'task', String(answer.json()['uuid']))).toEqual({ [NAME]: 'new' });
  }, 60_000);

  it.each(['task', 'pool'] as const)(
    'of a %s are not put back by somebody who echoes their mask',
    async (kind) => {
      const id = await make(kind, 'value 0');
      for (let round = 1; round <= 10; round += 1) {
        const answers = await Promise.all([
          put(kind, id, masked),
          put(kind, id, constantsWith(`value ${round}`)),
          put(kind, id, masked),
        ]);
        expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
        expect(await openedConstants(harness, kind, id)).toEqual({ [NAME]: `value ${round}` });
      }
    },
    60_000,
  );

  it('are told to be lost where they are', async () => {
    const id = await make('task', 'old');
    await harness.test.app.get(DataKeys).destroy([await keyOf('task', id)]);
    expect(await harness.call('POST', `/tasks/${id}/clone`, {})).toMatchObject({ status: 409 });
  });
});
