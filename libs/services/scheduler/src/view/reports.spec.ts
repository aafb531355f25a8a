import type { NodeReport } from '@fornax/contracts';
import { aCommit, aLease, dispatched, nodeJoined, submitted } from '@fornax/testing';
import { describe, expect, it } from '@jest/globals';
import { toInstanceReports } from './reports.js';
import { SchedulerView } from './scheduler-view.js';

type Ended = Extract<NodeReport, { kind: 'ended' }>;

/** What a node's end of the only lease of a task becomes. */
const endOf = (report: Partial<Ended>, spec: Parameters<typeof submitted>[1] = {}): unknown => {
  const view = new SchedulerView();
  const commits = [
    ['node', 'node-1', nodeJoined('node-1')],
    ['task', 't', submitted('t', spec)],
    ['task', 't', dispatched(aLease(0, { leaseId: 'l' }))],
  ] as const;
  for (const [index, [aggregate, aggregateId, event]] of commits.entries())
    view.fold({ ...aCommit(`c${index}`, [event]), sequence: index + 1, aggregate, aggregateId });
  const about = { kind: 'ended', leaseId: 'l', taskId: 't', instance: 0, endedAt: 2, outcome: 'success' } as const;
  const ended: Ended = { ...about, uploadedFiles: 2, uploadedBytes: 3, ...report };
  const [told] = toInstanceReports(view, 't', [ended], 3);
  return told?.kind === 'ended' ? told.end : undefined;
};
const results = ['a', 'b/c'];
const manifest = 'ab'.repeat(32);

describe('results that a node tells of', () => {
  it('are named in the event, with the digest of their manifest', () =>
    expect(endOf({ results, manifest })).toMatchObject({ uploadedFiles: 2, uploadedBytes: 3, results, manifest }));

  it('are no more than hundreds of ends in one commit have room for, beside the notes', () => {
    const long = Array.from({ length: 100 }, (_, index) => `${index}`.padEnd(300, '"'));
    const bytesOf = (end: unknown): number => Buffer.byteLength(JSON.stringify(end));
    const bare = bytesOf(endOf({}));
    for (const notes of [[], Array.from({ length: 10 }, () => 'n'.repeat(290))]) {
      const end = endOf({ results: long, notes });
      expect(bytesOf(end)).toBeLessThan(bare + 3_200);
      if (notes.length === 0) expect(end).toMatchObject({ results: [long[0], long[1], long[2], long[3]] });
    }
  });

  it.each([
    ['were not wanted of a cancelled instance', false, { uploadedFiles: 0, uploadedBytes: 0 }],
    ['were wanted of a cancelled instance', true, { uploadedFiles: 2, uploadedBytes: 3, results, manifest }],
  ])('count as its user said when they %s', (_how, uploadResultsOnCancellation, expected) => {
    const end = endOf({ outcome: 'cancelled', results, manifest }, { uploadResultsOnCancellation });
    expect(end).toMatchObject(expected);
    expect(Object.hasOwn(end as object, 'results')).toBe(uploadResultsOnCancellation);
  });
});
