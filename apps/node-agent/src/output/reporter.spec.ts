import type { NodeReport } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { describe, expect, it } from '@jest/globals';

import { Reporter } from './reporter.js';

const EPOCH = 3;
const about = (leaseId: string) => ({ leaseId, taskId: 'task-1', instance: 0 });
const started = (leaseId: string): NodeReport => ({ kind: 'started', ...about(leaseId), startedAt: 1 });
const exited = (leaseId: string): NodeReport => ({ kind: 'exited', ...about(leaseId) });
const ended = (leaseId: string): NodeReport => ({
  kind: 'ended',
  ...about(leaseId),
  outcome: 'success',
  endedAt: 2,
  uploadedFiles: 0,
  uploadedBytes: 0,
});

/** A reporter with a clock and pauses that only the test moves; `messages` are the kinds of reports of each. */
const reporterOf = (isBusy = false) => {
  const messages: string[][] = [];
  const node = { isBusy, nowMs: 1_000, failures: 0 };
  const pauses: { readonly ms: number; readonly end: () => void }[] = [];
  const reporter = new Reporter({
    nodeId: 'node-1',
    publisher: {
      publish: (_subject, data) => {
        if (node.failures > 0) {
          node.failures -= 1;
          return Promise.reject(new Error('the store is away'));
        }
        const { reports } = JSON.parse(Buffer.from(data).toString()) as { reports: NodeReport[] };
        messages.push(reports.map(({ kind, leaseId }) => `${kind} ${leaseId}`));
        return Promise.resolve({ seq: messages.length, duplicate: false });
      },
    },
    onError: () => undefined,
    mayGather: () => node.isBusy,
    now: () => node.nowMs,
    after: (ms, then) => {
      const end = (): void => {
        node.nowMs += ms;
        then();
      };
      pauses.push({ ms, end });
      return () => undefined;
    },
  });
  return { reporter, node, messages, pauses };
};

describe('the reports of a node', () => {
  it('go out at once where the platform has to hear of them before the node gets on', async () => {
    const { reporter, messages, pauses } = reporterOf();
    for (const leaseId of ['a', 'b']) {
      reporter.report(EPOCH, started(leaseId));
      await eventually(() => messages.at(-1)?.[0] === `started ${leaseId}`);
    }
    expect(pauses).toEqual([]);
  });

  it('gather while leases wait on the node, from the second message on', async () => {
    const { reporter, messages, pauses } = reporterOf(true);
    reporter.report(EPOCH, started('a'));
    await eventually(() => messages.length === 1);
    reporter.report(EPOCH, ended('a'));
    reporter.report(EPOCH, started('b'));
    await eventually(() => pauses.length === 1);
    reporter.report(EPOCH, ended('b'));
    await eventually(() => pauses.length === 2);
    expect(messages).toHaveLength(1);
    pauses.at(-1)?.end();
    await eventually(() => messages.length === 2);
    expect(messages).toEqual([['started a'], ['ended a', 'started b', 'ended b']]);
  });

  it('wait for nobody any more once no lease does', async () => {
    const { reporter, node, messages, pauses } = reporterOf(true);
    reporter.report(EPOCH, started('a'));
    await eventually(() => messages.length === 1);
    reporter.report(EPOCH, ended('a'));
    await eventually(() => pauses.length === 1);
    node.isBusy = false;
    reporter.report(EPOCH, started('b'));
    await eventually(() => messages.length === 2);
    expect(messages).toEqual([['started a'], ['ended a', 'started b']]);
  });

  it('of an exit wait for the end, and not for long', async () => {
    const { reporter, messages, pauses } = reporterOf();
    reporter.report(EPOCH, exited('a'));
    await eventually(() => pauses.length === 1);
    reporter.report(EPOCH, ended('a'));
    await eventually(() => messages.length === 1);
    expect(messages).toEqual([['exited a', 'ended a']]);
    reporter.report(EPOCH, exited('b'));
    await eventually(() => pauses.length === 2);
    pauses.at(-1)?.end();
    await eventually(() => messages.length === 2);
    expect(messages.at(-1)).toEqual(['exited b']);
  });

  it('are all stored, in their order, however often storing fails, and flushed without a wait', async () => {
    const { reporter, node, messages } = reporterOf(true);
    node.failures = 1;
    reporter.report(EPOCH, started('a'));
    reporter.report(EPOCH, exited('a'));
    reporter.report(EPOCH + 1, exited('b'));
    await reporter.flush();
    expect(messages).toEqual([['started a', 'exited a'], ['exited b']]);
  });

  it('are stored also when they come in the moment in which the last one was', async () => {
    for (let microtasks = 0; microtasks < 12; microtasks += 1) {
      const stored: string[] = [];
      const later = async (): Promise<void> => {
        for (let at = 0; at < microtasks; at += 1) await Promise.resolve();
        reporter.report(EPOCH, ended('b'));
      };
      const reporter = new Reporter({
        nodeId: 'node-1',
        publisher: {
          publish: (_subject, data) => {
            const { reports } = JSON.parse(Buffer.from(data).toString()) as { reports: NodeReport[] };
            stored.push(...reports.map(({ leaseId }) => leaseId));
            if (stored.length === 1) void later();
            return Promise.resolve({ seq: stored.length, duplicate: false });
          },
        },
        onError: () => undefined,
      });
      reporter.report(EPOCH, started('a'));
      await eventually(() => stored.length === 2);
      expect(stored).toEqual(['a', 'b']);
    }
  });

  it('of a session that is lost are dropped, those that wait too', async () => {
    const { reporter, messages, pauses } = reporterOf();
    reporter.report(EPOCH, exited('a'));
    await eventually(() => pauses.length === 1);
    reporter.dropAll();
    reporter.report(EPOCH + 1, started('b'));
    await eventually(() => messages.length === 1);
    expect(messages).toEqual([['started b']]);
  });
});
