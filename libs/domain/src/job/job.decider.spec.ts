import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { specFor } from '../specs/given.fixture.js';
import { jobDecider, publicJobStateOf } from './job.decider.js';
import type { JobCommand, JobEvent } from './job.events.js';

const at = 1_000;
const { given } = specFor(jobDecider);
const facts = {
  jobId: 'j',
  owner: 'ada',
  spec: { name: 'nightly', shortname: 'j', useDependencies: true, tags: [] },
  at,
} as const;
const create: JobCommand = { type: 'CreateJob', ...facts };
const created: JobEvent = { type: 'JobCreated', ...facts };
const terminate: JobCommand = { type: 'TerminateJob', reason: 'user', at };
const terminated: JobEvent = { type: 'JobTerminateRequested', reason: 'user', at };
const complete: JobCommand = { type: 'CompleteJob', at };
const completed: JobEvent = { type: 'JobCompleted', at };
const deletion = (withTasks: boolean): JobCommand => ({ type: 'DeleteJob', withTasks, at });
const deleteRequested: JobEvent = { type: 'JobDeleteRequested', withTasks: true, at };
const deleted: JobEvent = { type: 'JobDeleted', at };

describe('a job', () => {
  it('is created once', () => {
    given().when(create).then(created);
    given(created).when(create).thenRejected('job-exists');
  });

  it('is terminated once, for the first reason', () => {
    given(created).when(terminate).then(terminated);
    given(created, terminated)
      .when({ ...terminate, reason: 'wall-time' })
      .thenNothing();
    given(created, terminated, completed).when(terminate).thenNothing();
  });

  it('is completed only after it was terminated, once', () => {
    given(created).when(complete).thenNothing();
    given(created, terminated).when(complete).then(completed);
    given(created, terminated, completed).when(complete).thenNothing();
  });

  it('is gone at once when its tasks stay, and after them when they go with it', () => {
    given(created)
      .when(deletion(false))
      .then({ ...deleteRequested, withTasks: false }, deleted);
    given(created).when(deletion(true)).then(deleteRequested);
    given(created, deleteRequested).when(deletion(true)).thenNothing();
    given(created, deleteRequested).when(complete).thenNothing();
    given(created, deleteRequested).when({ type: 'FinishDeletion', at }).then(deleted);
    given(created).when({ type: 'FinishDeletion', at }).thenNothing();
  });

  it('is not there before its creation nor after its deletion', () => {
    for (const command of [terminate, complete, deletion(true)]) {
      given().when(command).thenRejected('job-not-found');
      given(created, deleteRequested, deleted).when(command).thenRejected('job-not-found');
    }
  });

  it('never goes back to an earlier state', () => {
    const order = ['Active', 'Terminating', 'Completed', 'Deleting'];
    const commands = fc.constantFrom(terminate, complete, deletion(true), deletion(false));
    fc.assert(
      fc.property(fc.array(commands), (sequence) => {
        let state = jobDecider.evolve(jobDecider.initial, created);
        for (const command of sequence) {
          const decision = jobDecider.decide(state, command);
          const before = order.indexOf(publicJobStateOf(state));
          if ('events' in decision) state = decision.events.reduce(jobDecider.evolve, state);
          expect(order.indexOf(publicJobStateOf(state))).toBeGreaterThanOrEqual(before);
        }
      }),
    );
  });
});
