import { anEnd, AT, concluded, submitted } from '@fornax/testing';
import { describe, expect, it } from '@jest/globals';
import { EndedInstances } from '../as-of/ended-instances.js';
import { applyTaskCommit } from '../model/task-status.js';
import { withResults } from './named-results.js';
import { taskView } from './task-view.js';

type Spec = NonNullable<Parameters<typeof submitted>[1]>;

/** A task as it is shown after each of its instances ended with these results, of which it says how many there are. */
const shown = (spec: Spec, storage: string | undefined, ...ends: readonly (readonly [string[], number])[]) => {
  const attempts = ends.map(([results, uploadedFiles], instance) => anEnd(instance, { results, uploadedFiles }));
  const { status, completed } = applyTaskCommit(undefined, {
    id: 'c',
    events: [submitted('t', { instances: `0-${ends.length - 1}`, ...spec }), concluded(...attempts)],
    meta: { actor: 'service:test', source: 's', correlationId: 'c' },
    at: AT,
    sequence: 1,
    aggregate: 'task',
    aggregateId: 't',
  });
  if (!status) throw new Error('the task is gone');
  const records = new EndedInstances(10_000);
  records.add(completed);
  const view = withResults(taskView(status, records.records(), AT, []), status, records.records(), storage);
  return { urls: view.completedInstances.map(({ results }) => results), notes: [view.notes, view.fornax.notes] };
};
const URL_OF_STORAGE = 'http://127.0.0.1:9000';

describe('results of ended instances', () => {
  it.each(['run-1', 'run-1/'])('are named by a URL each, below the folder that %j means', (resultsPrefix) =>
    expect(shown({ resultBucket: 'out', resultsPrefix }, URL_OF_STORAGE, [['a', 'b/c'], 2], [[], 0])).toEqual({
      urls: [['s3://127.0.0.1:9000/out/run-1/a', 's3://127.0.0.1:9000/out/run-1/b/c'], []],
      notes: [[], []],
    }),
  );

  it('lie in the bucket itself without a prefix, and at no host where none is known', () =>
    expect(shown({ resultBucket: 'out' }, undefined, [['a'], 1]).urls).toEqual([['s3://out/a']]));

  it('that are not named are counted', () => {
    const many = Array.from({ length: 100 }, (_, index) => `${index}`);
    const { urls, notes } = shown(
      { resultBucket: 'out' },
      URL_OF_STORAGE,
      ...Array.from({ length: 21 }, () => [many, 101] as const),
    );
    expect(urls.map((of) => of?.length)).toEqual([...Array.from({ length: 20 }, () => 100), 0]);
    const said = ['121 results are stored that completedInstances do not name'];
    expect(notes).toEqual([said, said]);
  });

  it('lie in the folder of their instance where it has one', () => {
    const records = new EndedInstances(10);
    const { status, completed } = applyTaskCommit(undefined, {
      id: 'c',
      events: [
        submitted('t', { instances: '0-1', resultBucket: 'out', resultsPrefix: 'run-${INSTANCE_ID}' }),
        concluded(
          anEnd(0, { results: ['a'], uploadedFiles: 1, folder: 'run-0/' }),
          anEnd(1, { results: ['a'], uploadedFiles: 1 }),
        ),
      ],
      meta: { actor: 'service:test', source: 's', correlationId: 'c' },
      at: AT,
      sequence: 1,
      aggregate: 'task',
      aggregateId: 't',
    });
    if (!status) throw new Error('the task is gone');
    records.add(completed);
    const { completedInstances } = withResults(
      taskView(status, records.records(), AT, []),
      status,
      records.records(),
      undefined,
    );
    expect(completedInstances.map(({ results }) => results)).toEqual([
      ['s3://out/run-0/a'],
      ['s3://out/run-${INSTANCE_ID}/a'],
    ]);
  });

  it('are none of a task without a bucket for them', () =>
    expect(shown({}, URL_OF_STORAGE, [['a'], 1])).toEqual({ urls: [[]], notes: [[], []] }));
});
