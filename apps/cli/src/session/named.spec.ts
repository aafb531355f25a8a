import { describe, expect, it } from '@jest/globals';
import { ApiError, type FornaxClient, type WireTask } from '@fornax/client';
import { jobNamed, taskNamed } from './named.js';

type Listed = Awaited<ReturnType<FornaxClient['listTasks']>>[number];
const IDS = [
  '0198a000-0000-7000-8000-0000000000cc',
  '0198a000-0000-7000-8000-0000000000dd',
  '0198b000-0000-7000-8000-0000000000ee',
];
const TASKS = IDS.map(
  (uuid, index) => ({ uuid, name: index === 2 ? 'film' : 'twice', state: 'Success', creationDate: 'then' }) as Listed,
);

/** A platform with three tasks, of which one has a shortname. */
const client = {
  getTask: (id: string): Promise<WireTask> =>
    id === 'short'
      ? Promise.resolve({ uuid: IDS[2] } as WireTask)
      : Promise.reject(new ApiError(404, 'No such task', {})),
  listTasks: (options: Parameters<FornaxClient['listTasks']>[0] = {}): Promise<readonly Listed[]> => {
    const { filter } = options;
    if (filter === undefined) return Promise.resolve(TASKS);
    return Promise.resolve(TASKS.filter(({ name }) => 'value' in filter && filter.value === name));
  },
};

describe('a task', () => {
  it.each([
    ['by its id', IDS[0], IDS[0]],
    ['by its shortname', 'short', 'short'],
    ['by its name', 'film', IDS[2]],
    ['by the beginning of its id', '0198b', '0198b'],
    ['by a long enough beginning of its id', '0198B0', IDS[2]],
    ['that is not there', 'nothing', 'nothing'],
  ])('is found %s', async (_, text = '', id = '') => expect(await taskNamed(client, text)).toBe(id));

  it.each(['twice', '0198a0'])('is not guessed among several: %s', (text) =>
    expect(taskNamed(client, text)).rejects.toThrow(/several tasks[^]*cc[^]*dd/),
  );

  it('is none that bears the name of one that nobody can look up now', async () => {
    const away = { ...client, getTask: () => Promise.reject(new ApiError(503, 'away', {})) };
    expect(await taskNamed(away, 'film')).toBe('film');
    const half = { ...client, listTasks: () => Promise.reject(new ApiError(503, 'away', {})) };
    expect(await taskNamed(half, '0198b0')).toBe('0198b0');
  });
});

it('a job is found by its name and by the beginning of its id, and not guessed', async () => {
  const jobs = { get: (id: string) => client.getTask(id), list: () => Promise.resolve(TASKS) };
  const asked = { jobs } as unknown as FornaxClient;
  expect(await jobNamed(asked, 'film')).toBe(IDS[2]);
  expect(await jobNamed(asked, '0198b0')).toBe(IDS[2]);
  expect(await jobNamed(asked, 'short')).toBe('short');
  expect(await jobNamed(asked, 'nothing')).toBe('nothing');
  await expect(jobNamed(asked, 'twice')).rejects.toThrow('twice are several jobs');
});
