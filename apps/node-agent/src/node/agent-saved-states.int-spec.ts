import type { LeaseOrder, StateSavedReply, StateSavedRequest } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { AgentRig, levelsHere } from './agent-rig.fixture.js';
import { aLeaseOrder } from './agent.fixture.js';

/** Counts on in \`state\`, three a run, and says by its exit code that it is saved; at nine it is done. */
const COUNT = `
n=$(cat state 2>/dev/null || echo 0)
echo "from $n"
end=$((n + 3))
while [ $n -lt $end ]; do n=$((n + 1)); done
echo $n > state
[ $n -ge 9 ] && exit 0
exit 85`;

describe.each(await levelsHere())('programs that save their state at level %s', (level) => {
  let rig: AgentRig;
  let number = 0;
  let lease = '';
  beforeAll(async () => {
    rig = await AgentRig.open(level);
  }, 120_000);
  afterAll(() => rig.close());
  beforeEach(async () => {
    await rig.startAgent();
    rig.objects.refuses = (request) => (request.includes('fornax') ? [501, 'NotImplemented', 'not here'] : undefined);
    lease = `saves-${(number += 1)}`;
  }, 30_000);
  afterEach(async () => {
    rig.objects.refuses = undefined;
    await rig.closeAgent();
  });

  const run = (script: string, more: Readonly<Record<string, string>> = {}, overrides: Partial<LeaseOrder> = {}) =>
    rig.platform.order(
      aLeaseOrder(lease, '', {
        profile: 'shell',
        run: { constant: 'SHELL_SCRIPT', how: 'script', wallLimit: 'MAX_EXECUTION_SECONDS', progress: [] },
        constants: Object.entries({ SHELL_SCRIPT: script, SNAPSHOT_EXIT_CODE: '85', ...more }).map(([key, value]) => ({
          key,
          value,
        })),
        ...overrides,
      }),
    );
  /** As the snapshot service does: triggers one, and sends its order. */
  const takesThem = (): void => {
    rig.platform.onSaved = ({ leaseId, number: time }: StateSavedRequest) => {
      const snapshotId = `snap-${leaseId}-${time}`;
      void rig.platform.order({
        ...{ kind: 'snapshot', taskId: 'task-1', instance: 0, bucket: 'snaps', prefix: `${time}/` },
        ...{ snapshotId, leaseId, whitelist: null, blacklist: null },
      });
      return { triggered: true, snapshotId };
    };
  };
  const stored = (): Readonly<Record<string, string>> =>
    Object.fromEntries(
      [...rig.objects.objects].flatMap(([path, bytes]) =>
        path.startsWith('snaps/') ? [[path.slice('snaps/'.length), String(bytes).trim()] as const] : [],
      ),
    );
  const output = async (): Promise<string> => String(await rig.platform.output('task-1', 0, 'stdout'));

  it('are run again in their place, with a snapshot of each state, as one attempt', async () => {
    takesThem();
    await run(COUNT);
    const end = await rig.ended(lease, 60_000);
    expect(end).toMatchObject({
      outcome: 'success',
      exitCode: 0,
      notes: ['It saved its state 2 times (exit code 85)'],
    });
    expect(rig.platform.kindsOf(lease)).toEqual(['started', 'exited', 'ended']);
    expect(await output()).toBe('from 0\nfrom 3\nfrom 6\n');
    expect(stored()).toEqual({ '1/state': '3', '2/state': '6' });
    expect(rig.platform.saved.map(({ number: time, exitCode }) => [time, exitCode])).toEqual([
      [1, 85],
      [2, 85],
    ]);
    // One start and one end, of all of it.
    expect(end.endedAt - (end.startedAt ?? 0)).toBeGreaterThan(0);
    expect(rig.platform.reports.filter(({ kind }) => kind === 'started')).toMatchObject([{ startedAt: end.startedAt }]);
  }, 90_000);

  it('are run again without a snapshot where none can be taken, and say why', async () => {
    await run(COUNT);
    expect(await rig.ended(lease, 60_000)).toMatchObject({
      outcome: 'success',
      notes: ['It saved its state 2 times (exit code 85)', 'No snapshot was taken of a saved state: not here'],
    });
    expect(await output()).toBe('from 0\nfrom 3\nfrom 6\n');
  }, 90_000);

  it('fail when they say so again and again, and nothing changes', async () => {
    takesThem();
    await run('echo again >> /dev/stdout; echo same > state; exit 85');
    expect(await rig.ended(lease, 60_000)).toMatchObject({
      outcome: 'failure',
      cause: 'user',
      exitCode: 85,
      error: {
        code: 'FX-CHECKPOINT',
        message: 'The command said 3 times in a row, by its exit code 85, that its state is saved, and changed nothing',
      },
    });
    // The first is news; three that are not.
    expect(rig.platform.saved).toHaveLength(4);
  }, 90_000);

  it('are the platform’s matter, not their user’s, where it could take no snapshot to see whether they get on', async () => {
    const endOf = async (name: string, reply: StateSavedReply): Promise<unknown> => {
      lease = `${lease}-${name}`;
      rig.platform.onSaved = () => reply;
      await run('exit 85');
      return rig.ended(lease, 60_000);
    };
    const said =
      'The command said 3 times in a row, by its exit code 85, that its state is saved, each time after a few seconds';
    const none = `${said}, and no snapshot could be taken to see whether it got on`;
    const error = (why: string) => ({ code: 'FX-CHECKPOINT', message: `${none}: ${why}` });
    expect(await endOf('away', { triggered: false, reason: 'not now' })).toMatchObject({
      ...{ outcome: 'failure', cause: 'platform', error: error('not now') },
    });
    expect(await endOf('nowhere', { triggered: false, reason: 'no bucket', isUsers: true })).toMatchObject({
      ...{ outcome: 'failure', cause: 'user', error: error('no bucket') },
    });
  }, 90_000);

  it('have the time of one attempt together', async () => {
    takesThem();
    await run('echo x >> state; sleep 0.3; exit 85', { MAX_EXECUTION_SECONDS: '3' });
    const end = await rig.ended(lease, 60_000);
    expect(end).toMatchObject({ outcome: 'failure', cause: 'limit', error: { code: 'FX-WALL-LIMIT' } });
    expect(end.endedAt - (end.startedAt ?? 0)).toBeGreaterThanOrEqual(3_000);
    expect(rig.platform.saved.length).toBeGreaterThan(1);
  }, 90_000);

  it('have no more of it while their state is saved', async () => {
    rig.platform.onSaved = () => ({ triggered: true, snapshotId: 'never' });
    await run(COUNT, { MAX_EXECUTION_SECONDS: '2' });
    // Before the node gives up waiting for the order of the snapshot.
    expect(await rig.ended(lease, 40_000)).toMatchObject({
      outcome: 'failure',
      cause: 'limit',
      error: { code: 'FX-WALL-LIMIT' },
    });
    expect(await output()).toBe('from 0\n');
  }, 90_000);

  it('end when they are cancelled, between two runs, too', async () => {
    rig.platform.onSaved = () => ({ triggered: true, snapshotId: 'never' });
    await run(COUNT);
    await eventually(() => rig.platform.saved.length > 0);
    await rig.platform.order({ kind: 'cancel', leaseId: lease, taskId: 'task-1' });
    expect(await rig.ended(lease)).toMatchObject({ outcome: 'cancelled' });
    expect(await output()).toBe('from 0\n');
  }, 90_000);

  it('end by any other code as all do, and by a signal', async () => {
    takesThem();
    await run('exit 84');
    expect(await rig.ended(lease)).toMatchObject({ outcome: 'failure', exitCode: 84, error: { code: 'FX-EXIT' } });
    lease = `${lease}-signal`;
    await run('kill -9 $$', { SNAPSHOT_EXIT_CODE: '124' });
    expect(await rig.ended(lease)).toMatchObject({ outcome: 'failure', error: { code: 'FX-SIGNAL' } });
    expect(rig.platform.saved).toEqual([]);
  }, 90_000);
});
