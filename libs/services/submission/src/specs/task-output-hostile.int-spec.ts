import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aCommit, anEnd, aLease, aRef, concluded, dispatched, eventually, requeued, started } from '@fornax/testing';
import { startHarness, submitTo, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const HIGHEST = 2_147_483_647;
const begin = async (): Promise<string> => {
  const uuid = await submitTo(harness, { instanceCount: 2 });
  await harness.happen(uuid, dispatched(aLease(0), aLease(1, { node: 'node-2' })), started(aRef(0), aRef(1)));
  return uuid;
};
const shown = async (uuid: string, path = 'stdout'): Promise<string> =>
  (await harness.call('GET', `/tasks/${uuid}/${path}`)).text;

describe('output of a node that lies', () => {
  it('does not replace what an instance prints on another node', async () => {
    const uuid = await begin();
    await harness.print(uuid, 0, 'the truth\n');
    const lie = { node: 'node-2', attempt: HIGHEST, offset: 0 };
    await harness.print(uuid, 0, 'a lie\n', lie);
    await harness.print(uuid, 0, 'a lie\n', { ...lie, lease: '0/1' });
    await harness.print(uuid, 0, 'a lie\n', { ...lie, lease: '1/1' });
    await harness.print(uuid, 0, 'a lie\n', { ...lie, lease: '0/1', attempt: 1 });
    await harness.print(uuid, 0, 'goes on\n', { offset: 10 });
    expect(await shown(uuid)).toBe('0> the truth\n0> goes on\n');
  });

  it('is not taken from the place of another node that a version of before had', async () => {
    const uuid = await begin();
    const subject = `fx.log.${uuid}.0.stdout`;
    await harness.print(uuid, 0, 'a lie\n', { subject, attempt: HIGHEST, offset: 0 });
    await harness.print(uuid, 0, 'a lie\n', { subject, lease: 'guessed', offset: 0 });
    await harness.print(uuid, 0, 'the truth\n', { offset: 0 });
    expect(await shown(uuid)).toBe('0> the truth\n');
  });

  it('does not claim an attempt, an instance or a task that its lease does not have', async () => {
    const uuid = await begin();
    const node = 'node-2';
    await harness.print(uuid, 1, 'another attempt\n', { node, attempt: HIGHEST });
    await harness.print(uuid, 0, 'another instance\n', { node, lease: '1/1' });
    await harness.print(uuid, 9, 'no instance\n', { node, lease: '1/1' });
    await harness.print('no-task', 1, 'no task\n', { node, lease: '1/1' });
    await harness.print(uuid, 1, 'its own\n', { node });
    expect(await shown(uuid)).toBe('1> its own\n');
    expect(await harness.query("SELECT task_id FROM output.log_attempt WHERE task_id = 'no-task'")).toEqual([]);
    expect(await harness.query('SELECT attempt FROM output.log_attempt WHERE attempt > 1000')).toEqual([]);
  });

  it('has offsets that harm its own instance at most', async () => {
    const uuid = await begin();
    for (const offset of [-1, 1.5, 2 ** 43, 2 ** 53, Number.MAX_VALUE, Number.NaN])
      await harness.print(uuid, 0, 'impossible\n', { offset });
    await harness.print(uuid, 0, 'far\n', { offset: 2 ** 42 });
    await harness.print(uuid, 0, 'back\n', { offset: 0 });
    await harness.print(uuid, 1, 'whole\n', { node: 'node-2' });
    expect(await shown(uuid, 'stdout/1')).toBe('whole\n');
    expect(await shown(uuid, 'stdout/0')).toContain('far\n');
    expect(await shown(uuid)).toContain('1> whole\n');
  });

  it('does not come after its lease is over', async () => {
    const uuid = await begin();
    await harness.print(uuid, 0, 'in time\n');
    const [before] = (await harness.log.readAggregate('task', uuid)).slice(-1);
    await harness.log.append('task', uuid, aCommit('over-long-ago', [concluded(anEnd(0))]), before?.sequence ?? 0);
    let tries = 0;
    // What comes before the end is folded is let in.
    await eventually(async () => {
      const line = `late ${(tries += 1)}\n`;
      await harness.print(uuid, 0, line);
      return !(await shown(uuid)).includes(line);
    });
    await harness.print(uuid, 0, 'years later\n');
    await harness.print(uuid, 1, 'still runs\n', { node: 'node-2' });
    expect(await shown(uuid)).toMatch(/^0> in time\n(0> late \d+\n)*1> still runs\n$/);
  });
});

describe('output of an honest node', () => {
  it('is kept when the process learns of its lease only from the rows', async () => {
    const uuid = await begin();
    await harness.restart();
    await harness.print(uuid, 0, 'after a restart\n');
    expect(await shown(uuid)).toBe('0> after a restart\n');
  });

  it('that is read after the end of its lease is kept, also after a restart', async () => {
    const uuid = await begin();
    const now = Date.now();
    const end = anEnd(0, { startedAt: now, endedAt: now });
    await harness.happen(uuid, { ...concluded(end), at: now });
    await harness.print(uuid, 0, 'the last words\n');
    await harness.restart();
    await harness.print(uuid, 0, 'the very last words\n');
    expect(await shown(uuid)).toBe('0> the last words\n0> the very last words\n');
  });

  it('of a lease that was taken back is not shown beside that of the next', async () => {
    const uuid = await begin();
    await harness.print(uuid, 0, 'first\n');
    const now = Date.now();
    const lost = { ...requeued(anEnd(0, { outcome: 'failure', cause: 'node-lost' })), at: now };
    await harness.happen(uuid, lost, { ...dispatched(aLease(0, { attempt: 2, node: 'node-2' })), at: now });
    await harness.print(uuid, 0, 'second\n', { node: 'node-2', attempt: 2 });
    await harness.print(uuid, 0, 'ghost\n');
    expect(await shown(uuid)).toBe('0> second\n');
  });
});
