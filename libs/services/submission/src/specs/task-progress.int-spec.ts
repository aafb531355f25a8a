import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getDataSourceToken } from '@nestjs/typeorm';
import { taskSchema, type WireTask } from '@fornax/contracts';
import { aLease, anEnd, aRef, concluded, dispatched, started } from '@fornax/testing';
import type { AttemptEnd } from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { SucceededInstances1790000820000, SUMMARY_COLUMNS } from '@fornax/tasks/specs';
import { startHarness, submitTo, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const read = async (id: string): Promise<WireTask> =>
  taskSchema.parse((await harness.call('GET', `/tasks/${id}`)).json());
const inSummaries = async (id: string): Promise<unknown> => {
  const all: unknown = (await harness.call('GET', '/tasks/summaries')).json();
  const found = Array.isArray(all) ? (all as Record<string, unknown>[]).find(({ uuid }) => uuid === id) : undefined;
  return found?.['progress'];
};

const four = [0, 1, 2, 3];
/** A task of four instances of which as many run as ends are given, and then end so. */
const ended = async (ends: readonly AttemptEnd['outcome'][], isCancelled: boolean): Promise<string> => {
  const id = await submitTo(harness, { instanceCount: four.length });
  const begun = four.slice(0, ends.length);
  if (begun.length > 0)
    await harness.happen(id, dispatched(...begun.map((n) => aLease(n))), started(...begun.map((n) => aRef(n))));
  if (isCancelled) expect((await harness.call('POST', `/tasks/${id}/abort`)).status).toBe(200);
  if (begun.length > 0)
    await harness.happen(
      id,
      concluded(
        ...begun.map((n) => {
          const outcome = ends[n] ?? 'success';
          return anEnd(
            n,
            outcome === 'success' ? {} : { outcome, cause: outcome === 'failure' ? 'user' : 'preempted' },
          );
        }),
      ),
    );
  return id;
};

describe('the progress of a task that is over', () => {
  it.each<[string, number, readonly AttemptEnd['outcome'][], boolean, string]>([
    ['everything succeeded', 100, ['success', 'success', 'success', 'success'], false, 'Success'],
    ['it was cancelled before anything ran', 0, [], true, 'Cancelled'],
    ['it was cancelled after a part', 25, ['success', 'cancelled'], true, 'Cancelled'],
    ['a part failed', 75, ['success', 'success', 'success', 'failure'], false, 'Failure'],
    ['everything failed', 0, ['failure', 'failure', 'failure', 'failure'], false, 'Failure'],
  ])('when %s is %s, wherever it is shown', async (_what, progress, ends, isCancelled, state) => {
    const id = await ended(ends, isCancelled);
    const task = await read(id);
    expect([task.state, task.progress]).toEqual([state, progress]);
    expect(await inSummaries(id)).toBe(progress);
    if (task.status === null) return expect(ends).toEqual([]);
    const { executionProgress, uploadProgress, downloadProgress } = task.status;
    expect([executionProgress, uploadProgress]).toEqual([progress, progress]);
    expect(downloadProgress).toBe(25 * ends.length);
  });
});

describe('the progress of a task under way in a list', () => {
  it('is read from columns alone, also for a task that was there before they were', async () => {
    const id = await ended(['success', 'failure', 'success'], false);
    expect(await inSummaries(id)).toBe(50);
    const runner = harness.test.app.get<DataSource>(getDataSourceToken('submission')).createQueryRunner();
    const migration = new SucceededInstances1790000820000();
    await migration.down(runner);
    await migration.up(runner);
    await runner.release();
    expect(await inSummaries(id)).toBe(50);
    // A fold is kilobytes to megabytes, compressed and out of line.
    expect(SUMMARY_COLUMNS).not.toMatch(/fold/);
  });
});
