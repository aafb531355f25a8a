import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  LOG_HEADERS,
  heartbeatSubject,
  liveSubject,
  logSubject,
  reportSubject,
  snapshotReportSubject,
} from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import {
  enterAsLiar,
  leaveAsLiar,
  HIGHEST,
  VICTIM,
  LIAR,
  ask,
  expectDropped,
  stdoutOf,
  statesOf,
  billOf,
  placeOn,
  firstOf,
  endOf,
  report,
  expectUntouched,
  intruder,
  victim,
  own,
  type Task,
  type Placed,
} from './lying-node.js';

beforeAll(enterAsLiar, 240_000);
afterAll(leaveAsLiar, 60_000);

describe('a node that reports about what is not its own', () => {
  it("does not end another node's instance in that node's name", async () => {
    const lease = firstOf(victim);
    const { nodeEpoch } = lease;
    await expectDropped('reports', 'wrong-node', 2, async () => {
      await report({ nodeId: VICTIM, nodeEpoch }, endOf(victim, lease));
      await report({ nodeId: VICTIM, nodeEpoch: HIGHEST }, endOf(victim, lease, { outcome: 'failure' }));
    });
    await expectUntouched();
  });

  it.each(['ended', 'started', 'exited'])(
    "does not tell in its own name of another node's instance: %s",
    async (kind) => {
      const { nodeEpoch } = firstOf(own);
      const reports = victim.leases.map((lease) => endOf(victim, lease, { kind }));
      await expectDropped('reports', 'wrong-lease', 2, () => report({ nodeId: LIAR, nodeEpoch }, ...reports));
      await expectUntouched();
    },
  );

  it('does not use a lease of its own for another instance or task', async () => {
    const lease = firstOf(own);
    const { nodeEpoch } = lease;
    await expectDropped('reports', 'wrong-lease', 3, () =>
      report(
        { nodeId: LIAR, nodeEpoch },
        endOf(victim, lease),
        endOf(own, lease, { instance: 999 }),
        endOf(own, lease, { taskId: 'no-such-task' }),
      ),
    );
    await expectUntouched();
    expect(await statesOf(own.task)).toEqual(['running']);
  });

  it('is passed over about leases that nobody has, and with figures that cannot be', async () => {
    const lease = firstOf(own);
    const { nodeEpoch } = lease;
    await expectDropped('reports', 'late', 2, () =>
      report(
        { nodeId: LIAR, nodeEpoch },
        endOf(victim, lease, { leaseId: 'guessed' }),
        endOf({ ...own, task: 'no-such-task' }, lease, { leaseId: 'guessed' }),
      ),
    );
    await expectDropped('reports', 'unreadable', 4, async () => {
      const impossible = [{ cpuMs: -1 }, { uploadedBytes: 1e300 }, { endedAt: 1e300 }, { instance: -1 }];
      await report({ nodeId: LIAR, nodeEpoch }, ...impossible.map((more) => endOf(own, lease, more)));
    });
    await expectDropped('reports', 'too-large', 1, async () => {
      // What JSON cannot say otherwise: infinity.
      const text = JSON.stringify({ nodeId: LIAR, nodeEpoch, reports: [endOf(own, lease)] });
      await intruder.say(reportSubject(LIAR), text.replace('"cpuMs":1000000000000', '"cpuMs":1e999'));
    });
    expect(await statesOf(own.task)).toEqual(['running']);
  });

  it('holds nobody up with millions of them in one message', async () => {
    const millions = `[${'{},'.repeat(2_000_000)}{}]`;
    const envelope = `"nodeId":"${LIAR}","nodeEpoch":${firstOf(own).nodeEpoch}`;
    await expectDropped('reports', 'too-large', 1, () =>
      intruder.say(reportSubject(LIAR), `{${envelope},"reports":${millions}}`),
    );
    await expectDropped('snapshot-reports', 'too-large', 1, () => intruder.say(snapshotReportSubject(LIAR), millions));
    await expectDropped('live', 'too-large', 1, () =>
      intruder.say(liveSubject(LIAR), `{${envelope},"instances":${millions}}`),
    );
    await expectDropped('heartbeats', 'too-large', 1, () => intruder.say(heartbeatSubject(LIAR), millions));
    await expectDropped('requests', 'too-large', 1, async () => {
      expect(await intruder.ask('grant', millions)).toHaveProperty('error');
    });
    await expectDropped('requests', 'too-large', 1, async () => {
      expect(await intruder.ask('snapshot-grant', millions)).toHaveProperty('error');
    });
    await expectUntouched();
  });

  it("says nothing about another node's part of a snapshot", async () => {
    const { leaseId } = firstOf(victim);
    const asked = { bucket: 'victim-results', bucketPrefix: 'snapshot/' };
    const { id } = await ask<{ readonly id: string }>('POST', `/tasks/${victim.task}/snapshot`, asked);
    for (const kind of ['failed', 'uploaded'])
      await intruder.say(snapshotReportSubject(LIAR), {
        kind,
        snapshotId: id,
        leaseId,
        reason: 'a lie',
        files: 9,
        bytes: 9,
      });
    const grant = await intruder.ask('snapshot-grant', { snapshotId: id, leaseId });
    expect(grant).toMatchObject({ ok: { granted: false } });
    const saved = { leaseId, taskId: victim.task, instance: 0, number: 1, exitCode: 85 };
    expect(await intruder.ask('state-saved', saved)).toMatchObject({ ok: { triggered: false } });
    const status = await eventually(
      async () => {
        const now = await ask<{ readonly status: string }>('GET', `/tasks/${victim.task}/snapshot/${id}`);
        return ['success', 'failure'].includes(now.status) && now.status;
      },
      { timeoutMs: 30_000 },
    );
    expect(status).toBe('success');
  });
});

describe('a node that prints what is not its own', () => {
  const lie = (place: Placed, instance: number, leaseId: string, attempt: number): Promise<void> =>
    intruder.say(logSubject(LIAR, place.task, instance, 'stdout'), 'a lie\n', {
      [LOG_HEADERS.lease]: leaseId,
      [LOG_HEADERS.offset]: '0',
      [LOG_HEADERS.attempt]: String(attempt),
    });
  const words = (name: string, count: number): RegExp => new RegExp(`^(\\d> the truth of ${name}\n){${count}}$`);

  it('replaces no output of another node with one of an attempt to come', async () => {
    const { leaseId } = firstOf(victim);
    await expectDropped('output', 'wrong-node', 2, async () => {
      await lie(victim, 0, leaseId, HIGHEST);
      await lie(victim, 0, leaseId, 1);
    });
    expect(await stdoutOf(victim.task)).toMatch(words('victim', 2));
  });

  it('has no output in a lease that it made up, or under a lease of its own elsewhere', async () => {
    const { leaseId } = firstOf(own);
    await expectDropped('output', 'unknown-lease', 3, async () => {
      await lie(victim, 0, 'made-up', HIGHEST);
      await lie(victim, 1, leaseId, 1);
      await lie({ ...victim, task: 'no-such-task' }, 0, leaseId, 1);
    });
    await expectDropped('output', 'wrong-lease', 2, async () => {
      await lie(own, 0, leaseId, HIGHEST);
      await lie(own, 7, leaseId, 1);
    });
    expect(await stdoutOf(victim.task)).toMatch(words('victim', 2));
    expect(await stdoutOf(own.task)).toMatch(words('own', 1));
  });
});

describe('a node that bills', () => {
  it('is paid for its own lease once, and for no longer than it can have worked', async () => {
    const submittedAt = performance.now();
    const greedy = await placeOn(LIAR, 'greedy', 1);
    const lease = firstOf(greedy);
    const { nodeEpoch } = lease;
    const most = { startedAt: 0, endedAt: 4_102_444_800_000, cpuMs: Number.MAX_SAFE_INTEGER };
    await report({ nodeId: LIAR, nodeEpoch }, endOf(greedy, lease, most));
    await eventually(async () => (await billOf(greedy.task)).length > 0);
    // Again, and with other words.
    await expectDropped('reports', 'late', 2, () =>
      report({ nodeId: LIAR, nodeEpoch }, endOf(greedy, lease, most), endOf(greedy, lease, { outcome: 'failure' })),
    );
    const lines = await billOf(greedy.task);
    expect(lines.map(({ leaseId }) => leaseId)).toEqual([lease.leaseId]);
    expect(lines[0]?.billedMs).toBeLessThan(performance.now() - submittedAt);
  }, 120_000);

  it('has not made the other node pay: its instances end and are billed once each', async () => {
    await expectUntouched();
    await ask('POST', `/tasks/${victim.task}/abort`);
    const lines = await eventually(
      async () => {
        const now = await billOf(victim.task);
        return now.length >= 2 && (await ask<Task>('GET', `/tasks/${victim.task}`)).state === 'Cancelled' && now;
      },
      { timeoutMs: 60_000 },
    );
    expect(lines.map(({ leaseId }) => leaseId).sort()).toEqual(victim.leases.map(({ leaseId }) => leaseId).sort());
    expect(new Set(lines.map(({ node }) => node))).toEqual(new Set([VICTIM]));
    expect(await stdoutOf(victim.task)).not.toContain('a lie');
  }, 120_000);
});
