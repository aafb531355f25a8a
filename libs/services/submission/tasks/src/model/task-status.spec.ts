import { describe, expect, it } from '@jest/globals';
import type { RecordedCommit } from '@fornax/contracts';
import type { CancelCause, TaskEvent } from '@fornax/domain';
import {
  AT,
  aLease,
  anEnd,
  aRef,
  concluded,
  deleteRequested,
  dispatched,
  exited,
  requeued,
  started,
  submitted,
  waitingCancelled,
} from '@fornax/testing';
import { applyTaskCommit, restoreUsage, type TaskStatus } from './task-status.js';

/** Each list of events is one commit. */
const after = (...commits: readonly (readonly TaskEvent[])[]): TaskStatus | null => {
  let status: TaskStatus | null = null;
  commits.forEach((events, index) => {
    const commit: RecordedCommit<TaskEvent> = {
      id: `c${index}`,
      events,
      meta: { actor: 'service:test', source: 's', correlationId: 'c' },
      at: AT,
      sequence: index + 1,
      aggregate: 'task',
      aggregateId: 't',
    };
    ({ status } = applyTaskCommit(status ?? undefined, commit));
  });
  return status;
};
const one = submitted('t', { instances: '0' });

describe('what is shown of a task', () => {
  it('has UploadingResults behind its end, also when the whole run came in one commit', () => {
    expect(after([one], [dispatched(aLease(0)), started(aRef(0)), concluded(anEnd(0))])).toMatchObject({
      state: 'Success',
      previousState: 'UploadingResults',
    });
    expect(after([one], [dispatched(aLease(0))], [concluded(anEnd(0))])).toMatchObject({
      state: 'Success',
      previousState: 'UploadingResults',
    });
    expect(
      after([one], [dispatched(aLease(0)), started(aRef(0))], [exited(aRef(0))], [concluded(anEnd(0))]),
    ).toMatchObject({ state: 'Success', previousState: 'UploadingResults' });
  });

  it('has no upload behind it when nothing ever ran', () => {
    const { startedAt: _, ...never } = anEnd(0, { outcome: 'failure', cause: 'platform' });
    expect(after([one], [dispatched(aLease(0))], [concluded(never)])).toMatchObject({
      state: 'Failure',
      previousState: 'FullyDispatched',
    });
  });

  it('counts the work of attempts that were taken back, and their hardware', () => {
    const lost = requeued(anEnd(0, { outcome: 'failure', cause: 'node-lost', endedAt: AT + 3_000 }));
    expect(after([one], [dispatched(aLease(0)), started(aRef(0))], [lost])?.usage).toMatchObject({
      executionMs: 3_000,
      byHardware: { '8c-32g-intel-xeon-ssd': { executionMs: 3_000 } },
    });
    expect(after([one], [dispatched(aLease(0)), started(aRef(0))], [lost])).toMatchObject({
      state: 'Submitted',
      previousState: 'FullyExecuting',
      errors: [],
    });
  });

  it('sums what the nodes measured, also of an attempt whose command never started', () => {
    const { startedAt: _, ...never } = anEnd(0, {
      outcome: 'failure',
      cause: 'platform',
      downloadMs: 70,
      environmentMs: 5,
    });
    const measured = anEnd(1, { downloadMs: 30, environmentMs: 10, uploadMs: 20, averageGHz: 2 });
    const status = after(
      [submitted('t', { instances: '0-1' })],
      [dispatched(aLease(0), aLease(1))],
      [concluded(never, measured)],
    );
    expect(status?.usage).toMatchObject({
      downloadMs: 100,
      environmentMs: 15,
      uploadMs: 20,
      executionMs: 500,
      byHardware: { '8c-32g-intel-xeon-ssd': { executionMs: 500, ghzMs: 1_000 } },
    });
  });

  it('reads the usage of rows that were written before anything was measured', () => {
    const hardware = { specificationKey: 'k', cpuModel: 'm', cores: 2, ghz: 3 };
    const stored = {
      executionMs: 10,
      uploadMs: 5,
      hasExecuted: true,
      byHardware: { k: { hardware, executionMs: 10 } },
    };
    expect(restoreUsage(stored)).toEqual({
      ...stored,
      downloadMs: 0,
      environmentMs: 0,
      byHardware: { k: { hardware, executionMs: 10, ghzMs: 30 } },
    });
  });

  it('keeps the first twenty errors', () => {
    const failures = Array.from({ length: 30 }, (_, instance) =>
      anEnd(instance, { outcome: 'failure', cause: 'user', exitCode: 1 }),
    );
    expect(
      after(
        [submitted('t', { instances: '0-29' })],
        [dispatched(...failures.map(({ instance }) => aLease(instance)))],
        [concluded(...failures)],
      )?.errors,
    ).toHaveLength(20);
  });

  it('says which end of its job a task was cancelled with, and nothing where it was cancelled by itself', () => {
    const errorsOf = (cancelled: TaskEvent) =>
      after([one], [cancelled, waitingCancelled('0')])?.errors.map(({ code, message }) => [code, message]);
    const because = (cause: CancelCause): TaskEvent => ({ type: 'TaskCancelRequested', because: cause, at: AT });
    expect(errorsOf(because('job-terminated'))).toEqual([
      ['FX-JOB-TERMINATED', 'The task was cancelled because its job was terminated'],
    ]);
    expect(errorsOf(because('job-wall-time'))).toEqual([['FX-JOB-WALL-LIMIT', expect.stringContaining('maxWallTime')]]);
    expect(errorsOf({ type: 'TaskCancelRequested', at: AT })).toEqual([]);
  });

  it('is gone once the task is deleted', () => {
    expect(after([one], [deleteRequested, { type: 'TaskDeleted', at: AT }])).toBeNull();
  });
});
