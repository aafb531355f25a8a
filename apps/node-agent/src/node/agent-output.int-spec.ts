import { eventually } from '@fornax/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { AgentRig, levelsHere } from './agent-rig.fixture.js';
import { aLeaseOrder } from './agent.fixture.js';

/** What a node may have unread before the platform has said how much. */
const FIRST_WINDOW = 1_048_576;
const CHUNK = 262_144;

describe.each(await levelsHere())('the output of a node that nobody reads, at level %s', (level) => {
  let rig: AgentRig;
  beforeAll(async () => {
    rig = await AgentRig.open(level);
  }, 120_000);
  afterAll(() => rig.close());
  beforeEach(() => rig.startAgent(), 30_000);
  afterEach(() => rig.closeAgent());

  const stored = async (task: string): Promise<number> => (await rig.platform.output(task, 0, 'stdout')).length;

  it('stops whoever floods in its write, without a loss, and lets a line of another instance pass', async () => {
    const { platform } = rig;
    const readAll = platform.readOutput;
    platform.readOutput = () => ({ read: 0, windowBytes: FIRST_WINDOW, held: [] });
    const total = 6_000_000;
    await platform.order(aLeaseOrder('flood', `sh -c 'yes 1234567 | head -c ${total}'`, { taskId: 'task-flood' }));
    await eventually(async () => (await stored('task-flood')) > FIRST_WINDOW - CHUNK, { timeoutMs: 60_000 });
    await platform.order(aLeaseOrder('line', 'echo quick', { taskId: 'task-line' }));
    expect(await rig.ended('line', 60_000)).toMatchObject({ outcome: 'success' });
    expect((await platform.output('task-line', 0, 'stdout')).toString()).toBe('quick\n');
    expect(await stored('task-flood')).toBeLessThanOrEqual(FIRST_WINDOW);
    expect(platform.endOf('flood')).toBeUndefined();
    // Long enough to be told of.
    const since = performance.now();
    await eventually(() => performance.now() - since > 2_000, { timeoutMs: 60_000 });
    platform.readOutput = readAll;
    const waited = expect.stringMatching(
      /^It printed faster than its share of output is read: its writes had to wait for \d+ s in all\. No output is missing\.$/,
    );
    expect(await rig.ended('flood', 60_000)).toMatchObject({ outcome: 'success', notes: [waited] });
    expect(platform.endOf('line')).not.toHaveProperty('notes');
    const output = await platform.output('task-flood', 0, 'stdout');
    expect(output.equals(Buffer.from('1234567\n'.repeat(total / 8)))).toBe(true);
  }, 180_000);

  it('waits for the archive of its task alone', async () => {
    const { platform } = rig;
    const readAll = platform.readOutput;
    const asked = new Set<string>();
    platform.readOutput = (request) => {
      request.tasks.forEach((task) => asked.add(task));
      return { ...readAll(request), held: request.tasks.filter((task) => task === 'task-held') };
    };
    const flood = (task: string): ReturnType<typeof aLeaseOrder> =>
      aLeaseOrder(task, `sh -c 'yes 1234567 | head -c 4000000'`, { taskId: task });
    await platform.order(flood('task-held'));
    await eventually(() => asked.has('task-held'), { timeoutMs: 60_000 });
    await platform.order(flood('task-free'));
    expect(await rig.ended('task-free', 60_000)).toMatchObject({ outcome: 'success' });
    expect(platform.endOf('task-held')).toBeUndefined();
    platform.readOutput = readAll;
    expect(await rig.ended('task-held', 60_000)).toMatchObject({ outcome: 'success' });
    expect(await stored('task-held')).toBe(4_000_000);
  }, 180_000);
});
