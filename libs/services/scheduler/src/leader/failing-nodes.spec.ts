import { describe, expect, it } from '@jest/globals';
import { eventually, nodeJoined, submitted } from '@fornax/testing';
import type { LeaseOrder } from '@fornax/contracts';
import { publicStateOf } from '@fornax/domain';
import { endedReport, rig, type Rig } from './leader-rig.fixture.js';

const BY_PLATFORM = { outcome: 'failure', cause: 'platform', exitCode: undefined, startedAt: undefined } as const;
const nodeOf = (one: Rig, lease: LeaseOrder): string | undefined =>
  one.orders.find(({ order }) => order === lease)?.node;
/** The next lease, failed by the platform. @returns where it was */
const failNext = async (one: Rig, count: number): Promise<string> => {
  const lease = await eventually(() => one.leases().length === count && one.leases().at(-1));
  const node = nodeOf(one, lease) ?? '';
  await one.report(node, 1, endedReport(lease, BY_PLATFORM));
  return node;
};
const wake = (one: Rig, name: string) => one.append('task', name, 0, submitted(name, { instances: '0' }, name));

describe('a node that fails what it is given', () => {
  it('is not given the same instance again while another one would do, and that succeeds', async () => {
    const one = await rig().lead();
    await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 8 }));
    await one.append('node', 'n2', 0, nodeJoined('n2', { cores: 8 }));
    await one.append('task', 't', 0, submitted('t', { instances: '0' }));
    const first = await failNext(one, 1);
    const again = await eventually(() => one.leases().length === 2 && one.leases().at(-1));
    expect(nodeOf(one, again)).not.toBe(first);
    await one.report(nodeOf(one, again) ?? '', 1, endedReport(again));
    expect(publicStateOf(await one.stateOf('t'))).toBe('Success');
  });

  it('is given it again, after growing pauses, where it is alone', async () => {
    const one = await rig().lead();
    await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 8 }));
    await one.append('task', 't', 0, submitted('t', { instances: '0' }));
    for (const [tries, pauseMs] of [2_000, 6_000, 18_000].entries()) {
      expect(await failNext(one, tries + 1)).toBe('n1');
      const { view, rounds } = one.leadership ?? {};
      expect(view?.failures.nextChange(one.now)).toBe(one.now + pauseMs);
      rounds?.wake();
      one.now += pauseMs - 1;
      rounds?.wake();
      expect(one.leases()).toHaveLength(tries + 1);
      one.now += 1;
      rounds?.wake();
    }
    await failNext(one, 4);
    expect(publicStateOf(await one.stateOf('t'))).toBe('Failure');
  });

  it('is held back after tasks of three accounts in a row, tried with one, and given all again when that succeeds', async () => {
    const one = await rig().lead();
    await one.append('node', 'n1', 0, nodeJoined('n1', { cores: 2 }));
    await one.append('node', 'n2', 0, nodeJoined('n2', { cores: 8 }));
    // It fits tighter there: all would go to the first one.
    const onFirst = async (count: number): Promise<LeaseOrder> => {
      const lease = await eventually(() => one.leases().length === count && one.leases().at(-1));
      expect(nodeOf(one, lease)).toBe('n1');
      return lease;
    };
    for (const at of [0, 1, 2]) {
      await wake(one, `bad${at}`);
      await one.report('n1', 1, endedReport(await onFirst(2 * at + 1), BY_PLATFORM));
      const elsewhere = await eventually(() => one.leases().length === 2 * at + 2 && one.leases().at(-1));
      await one.report('n2', 1, endedReport(elsewhere));
    }
    await wake(one, 'later');
    const later = await eventually(() => one.leases().length === 7 && one.leases().at(-1));
    expect(nodeOf(one, later)).toBe('n2');
    one.now += 5_000;
    await wake(one, 'trial');
    const trial = await onFirst(8);
    await wake(one, 'beside');
    const beside = await eventually(() => one.leases().length === 9 && one.leases().at(-1));
    expect(nodeOf(one, beside)).toBe('n2');
    await one.report('n1', 1, endedReport(trial));
    await wake(one, 'well');
    await onFirst(10);
  });
});
