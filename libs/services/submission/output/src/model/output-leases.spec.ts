import { describe, expect, it } from '@jest/globals';
import { LOG_HEADERS, logSubject } from '@fornax/contracts';
import type { DispatchedLease } from '@fornax/domain';
import { aCommit, aLease, anEnd, concluded, dispatched } from '@fornax/testing';
import type { TaskLeases } from '@fornax/tasks';
import type { LogMessage } from '../stream/log-feed.js';
import { OutputLeases } from './output-leases.js';

const TASK = 'task';
let sequence = 0;
const printed = (node: string, leaseId: string, instance = 0): LogMessage => {
  sequence += 1;
  const headers = new Map([[LOG_HEADERS.lease as string, leaseId]]);
  return {
    sequence,
    sentNs: 0n,
    subject: logSubject(node, TASK, instance, 'stdout'),
    data: Buffer.from('x'),
    header: (name) => headers.get(name),
  };
};

/** The intake of a process that has folded the dispatch of one lease, over rows that hold nothing; what it asked of them. */
const intake = () => {
  const asked = { statements: 0, waits: 0 };
  let now = 0;
  const nothing = (): Promise<readonly never[]> => {
    asked.statements += 1;
    return Promise.resolve([]);
  };
  const tasks = {
    inFlight: nothing,
    ended: nothing,
    caughtUp: () => {
      asked.waits += 1;
      return Promise.resolve(true);
    },
  };
  const leases = new OutputLeases(tasks as unknown as TaskLeases, { warn: () => undefined }, { now: () => now });
  const fold = (lease: DispatchedLease): void =>
    leases.fold({ ...aCommit('c', [dispatched(lease)]), sequence: 1, aggregate: 'task', aggregateId: TASK });
  fold(aLease(0, { leaseId: 'honest', node: 'node-1' }));
  return { leases, asked, fold, pass: (ms: number) => (now += ms) };
};
const madeUp = (batch: number, count: number): readonly LogMessage[] =>
  Array.from({ length: count }, (_, n) => printed('liar', `made-up-${batch}-${n}`));

describe('output of an honest node beside that of one that makes up leases', () => {
  it('waits for a lease that nobody has once, however often it is named', async () => {
    const { leases, asked } = intake();
    for (let batch = 0; batch < 10; batch += 1) {
      const admitted = await leases.admit([printed('liar', 'made-up'), printed('node-1', 'honest')]);
      expect(admitted.map(({ leaseId }) => leaseId)).toEqual(['honest']);
    }
    expect(asked.waits).toBe(1);
    expect(asked.statements).toBe(4);
  });

  it('waits for a node that makes up one after the other no longer than a batch', async () => {
    const { leases, asked } = intake();
    for (let batch = 0; batch < 10; batch += 1)
      expect(await leases.admit([...madeUp(batch, 50), printed('node-1', 'honest')])).toHaveLength(1);
    expect(asked.waits).toBe(1);
  });

  it('is waited for itself, whatever the other does', async () => {
    const { leases, asked } = intake();
    await leases.admit(madeUp(0, 50));
    await leases.admit([...madeUp(1, 50), printed('node-1', 'not folded yet')]);
    expect(asked.waits).toBe(2);
  });

  it('counts under a lease that comes to be after it was named, and the node has patience again after a while', async () => {
    const { leases, asked, fold, pass } = intake();
    await leases.admit(madeUp(0, 50));
    fold(aLease(1, { leaseId: 'made-up-0-0', node: 'liar' }));
    expect(await leases.admit([printed('liar', 'made-up-0-0', 1)])).toHaveLength(1);
    expect(asked.waits).toBe(1);
    pass(60_000);
    await leases.admit(madeUp(1, 1));
    expect(asked.waits).toBe(2);
  });
});

describe('output of a lease that ended while its row was read', () => {
  it('is late, however old the row is', async () => {
    const [asked, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const lease = aLease(0, { leaseId: 'read', node: 'node-1' });
    const tasks = {
      inFlight: async () => {
        asked.resolve();
        await ended.promise;
        return [{ taskId: TASK, leaseId: 'read', instance: 0, attempt: lease.attempt, node: 'node-1' }];
      },
    };
    const leases = new OutputLeases(tasks as unknown as TaskLeases, { warn: () => undefined }, { now: () => 0 });
    const late = { ...printed('node-1', 'read'), sentNs: 120_000_000_000n };
    const admitted = leases.admit([late]);
    await asked.promise;
    const end = concluded(anEnd(0, { leaseId: 'read' }));
    leases.fold({ ...aCommit('c', [end]), at: 1_000, sequence: 2, aggregate: 'task', aggregateId: TASK });
    ended.resolve();
    expect(await admitted).toEqual([]);
    expect(await leases.admit([{ ...late, sentNs: 60_000_000_000n }])).toHaveLength(1);
  });
});
