import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { UserIds } from './user-ids.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fornax-ids-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const range = { first: 200_000, last: 203_071 };
const agent = (name: string, ids = range): UserIds => new UserIds(ids, join(folder, 'ids'), join(folder, name));

it('lends an id to one instance at a time, of all agents of the machine, and the last one given back last', async () => {
  const [one, two] = [agent('one'), agent('two')];
  const taken = await Promise.all([one, two, one, two, one].map((ids) => ids.take()));
  expect(new Set(taken.map(({ uid }) => uid)).size).toBe(5);
  const [first = { uid: 0, gid: 0 }] = taken;
  one.giveBack(first);
  expect((await one.take()).uid).not.toBe(first.uid);
  await Promise.all([one.close(), two.close()]);
});

it('says that all ids are in use', async () => {
  const few = new UserIds({ first: 10, last: 11 }, join(folder, 'few'), join(folder, 'x'));
  expect([await few.take(), await few.take()]).toEqual([
    { uid: 10, gid: 10 },
    { uid: 11, gid: 11 },
  ]);
  await expect(few.take()).rejects.toThrow('FORNAX_NODE_USER_IDS');
  await few.close();
});

it('takes over the ids of a dead agent only once nothing is left of its instances', async () => {
  const ids = join(folder, 'dead');
  const left = join(folder, 'dead agent');
  await mkdir(join(left, 'lease-1'), { recursive: true });
  await mkdir(ids);
  await writeFile(join(ids, '10'), `1 0 ${left}`);
  const next = (): UserIds => new UserIds({ first: 10, last: 12 }, ids, join(folder, 'new'));
  await expect(next().take()).rejects.toThrow('is free');
  await rm(join(left, 'lease-1'), { recursive: true });
  expect((await next().take()).uid).toBe(10);
});
