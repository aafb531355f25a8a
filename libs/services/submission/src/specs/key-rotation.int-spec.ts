import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Sealer } from '@fornax/identity';
import { DataKeys } from '@fornax/service-kit';
import { startHarness, type Harness } from './submission.fixture.js';

const [first, second, third] = [1, 2, 3].map((byte) => Buffer.alloc(32, byte).toString('base64')) as [
  string,
  string,
  string,
];

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness({ FORNAX_MASTER_KEY: first });
}, 120_000);
afterAll(() => harness.close());

const create = async (key: string): Promise<void> => {
  const answer = await harness.call('PUT', `/secrets-manager/data/${key}`, { value: `of ${key}` });
  if (answer.status !== 200) throw new Error(answer.text);
};
const read = async (key: string): Promise<unknown> =>
  (await harness.call('GET', `/secrets-manager/data/${key}`)).json()['value'];
const stand = async () => (await harness.call('GET', '/fornax/v1/keys')).json();
const rotate = async () => (await harness.call('POST', '/fornax/v1/keys/rotate', {})).json();
const refusal = async (): Promise<string> => {
  const { status, text } = await harness.call('POST', '/fornax/v1/keys/rotate', {});
  expect({ status, text }).toMatchObject({ status: 409 });
  return text;
};
const ring = async () => (await harness.log.readAggregate('master-key', 'ring')).flatMap(({ events }) => events);
/** The S3 secret of the first user's token, sealed in the log in the beginning. */
const opensTokens = async (): Promise<boolean> => {
  const sealer = harness.test.app.get(Sealer);
  const sealed: string[] = [];
  for await (const batch of harness.logItself.read({
    from: 1,
    to: (await harness.logItself.head()).sequence,
    aggregates: ['account'],
    maxBatch: 100,
  }))
    for (const event of batch.flatMap(({ events }) => events))
      if (event.type === 'TokenIssued') sealed.push(event.sealedSecret);
  return sealed.length > 0 && sealed.every((one) => sealer.opens(one));
};

describe('the rotation of the master key', () => {
  const keys = ['a', 'b', 'c', 'd'];

  it('never seals the next key by the one that seals now', async () => {
    await harness.restart({ FORNAX_MASTER_KEYS_READ: second });
    expect(await refusal()).toMatch(/sealed nothing before.*FORNAX_MASTER_KEY/);
    expect(await ring()).toEqual([]);
  }, 60_000);

  it('begins with both keys: everything opens, and what is new is sealed by the new one', async () => {
    for (const key of keys) await create(key);
    expect(await stand()).toMatchObject({ dataKeys: 4, left: 0 });
    await harness.restart({ FORNAX_MASTER_KEY: second, FORNAX_MASTER_KEYS_READ: first });
    for (const key of keys) expect(await read(key)).toBe(`of ${key}`);
    await create('e');
    expect(await stand()).toMatchObject({ dataKeys: 5, left: 4 });
  }, 60_000);

  it('goes on where it was broken off', async () => {
    const store = harness.test.app.get(DataKeys);
    const { rotated, last } = await store.rewrap('', 2);
    expect(rotated).toBe(2);
    expect(last).not.toBeNull();
    expect(await stand()).toMatchObject({ left: 2 });
    for (const key of [...keys, 'e']) expect(await read(key)).toBe(`of ${key}`);
  });

  it('ends with nothing left, and does nothing when it is repeated', async () => {
    expect(await rotate()).toMatchObject({ rotated: 2, closed: 0, after: null, dataKeys: 5, left: 0 });
    expect(await rotate()).toMatchObject({ rotated: 0, left: 0 });
    expect(await ring()).toHaveLength(1);
    expect(JSON.stringify(await ring())).not.toContain(first.slice(0, 20));
  });

  it('does not go back to a key that was succeeded, for a process that still seals with it', async () => {
    await harness.restart({ FORNAX_MASTER_KEY: first, FORNAX_MASTER_KEYS_READ: second });
    expect(await refusal()).toMatch(/was succeeded/);
    expect(await stand()).toMatchObject({ left: 5 });
    await harness.restart({ FORNAX_MASTER_KEYS_READ: '' });
    expect(await refusal()).toMatch(/was succeeded/);
    expect(await ring()).toHaveLength(1);
    await harness.restart({ FORNAX_MASTER_KEY: second, FORNAX_MASTER_KEYS_READ: first });
    expect(await stand()).toMatchObject({ left: 0 });
  }, 60_000);

  it('leaves a platform that needs the old key no more, for what the log holds either', async () => {
    await harness.restart({ FORNAX_MASTER_KEYS_READ: '' });
    for (const key of [...keys, 'e']) expect(await read(key)).toBe(`of ${key}`);
    expect(await opensTokens()).toBe(true);
  }, 60_000);

  it('may be done again, and the newest key opens what the first one sealed', async () => {
    await harness.restart({ FORNAX_MASTER_KEY: third, FORNAX_MASTER_KEYS_READ: second });
    expect(await rotate()).toMatchObject({ rotated: 5, left: 0 });
    await harness.restart({ FORNAX_MASTER_KEYS_READ: '' });
    expect(await read('a')).toBe('of a');
    expect(await opensTokens()).toBe(true);
  }, 60_000);

  it('stays with the newest, also where one of before had a rotation of its own', async () => {
    await harness.restart({ FORNAX_MASTER_KEY: second, FORNAX_MASTER_KEYS_READ: third });
    expect(await refusal()).toMatch(/was succeeded/);
    await harness.restart({ FORNAX_MASTER_KEYS_READ: '' });
    expect(await refusal()).toMatch(/was succeeded/);
    await harness.restart({ FORNAX_MASTER_KEY: third });
    expect(await stand()).toMatchObject({ left: 0 });
  }, 60_000);

  it('is for operators', async () => {
    const token = await harness.addAccount();
    for (const [method, path] of [
      ['GET', '/fornax/v1/keys'],
      ['POST', '/fornax/v1/keys/rotate'],
    ] as const)
      expect(await harness.call(method, path, method === 'GET' ? undefined : {}, { token })).toMatchObject({
        status: 403,
      });
  });

  it('does not let a key in that never sealed anything', async () => {
    const wrong = Buffer.alloc(32, 9).toString('base64');
    await expect(harness.restart({ FORNAX_MASTER_KEY: wrong })).rejects.toThrow(
      /does not open what the event log holds/,
    );
    await harness.restart({ FORNAX_MASTER_KEY: third });
    expect(await read('a')).toBe('of a');
  }, 60_000);
});
