import { describe, it } from '@jest/globals';
import { AT as at, aLease, anEnd, cancelRequested, concluded, dispatched, submitted } from '../specs/facts.fixture.js';
import { specFor } from '../specs/given.fixture.js';
import type { TaskEvent } from './task.events.js';
import { taskDecider } from './task.decider.js';

const { given } = specFor(taskDecider);
const planned = (intervalSeconds: number, more: object = {}): TaskEvent => ({
  type: 'TaskSnapshotsPlanned',
  ...{ bucket: null, prefix: null, whitelist: 'stored', blacklist: null, ...more },
  intervalSeconds,
  at,
});
const task = submitted('task-1', { instances: '0', snapshotWhitelist: 'stored', resultBucket: 'results' });

describe('planning snapshots of a task', () => {
  it('keeps what is not said, also while the task waits', () => {
    given(task).when({ type: 'PlanSnapshots', intervalSeconds: 60, at }).then(planned(60));
    given(task, dispatched(aLease(0)))
      .when({ type: 'PlanSnapshots', intervalSeconds: 60, bucket: 'b', prefix: 'p', whitelist: null, at })
      .then(planned(60, { bucket: 'b', prefix: 'p', whitelist: null }));
    given(task, planned(60, { bucket: 'b', blacklist: 'x' }))
      .when({ type: 'PlanSnapshots', intervalSeconds: 0, blacklist: null, at })
      .then(planned(0, { bucket: 'b' }));
  });

  it('changes nothing where it is planned like that', () => {
    given(task).when({ type: 'PlanSnapshots', intervalSeconds: 0, at }).thenNothing();
    given(task, planned(60))
      .when({ type: 'PlanSnapshots', intervalSeconds: 60, whitelist: 'stored', at })
      .thenNothing();
  });

  it('says which are kept, until it says so again', () => {
    given(task)
      .when({ type: 'PlanSnapshots', intervalSeconds: 60, retention: { last: 2 }, at })
      .then(planned(60, { retention: { last: 2 } }));
    const kept = planned(60, { retention: { last: 2 } });
    given(task, kept).when({ type: 'PlanSnapshots', intervalSeconds: 60, at }).thenNothing();
    given(task, kept)
      .when({ type: 'PlanSnapshots', intervalSeconds: 60, retention: { last: 2 }, at })
      .thenNothing();
    given(task, kept).when({ type: 'PlanSnapshots', intervalSeconds: 90, at }).then(planned(90));
    given(task, kept, planned(90))
      .when({ type: 'PlanSnapshots', intervalSeconds: 90, retention: null, at })
      .then(planned(90, { retention: null }));
    given(task, kept, planned(90, { retention: null }))
      .when({ type: 'PlanSnapshots', intervalSeconds: 90, retention: null, at })
      .thenNothing();
  });

  it('is refused where they would go nowhere, whatever the plan before was', () => {
    const bucketless = submitted('task-1', { instances: '0', resultBucket: null });
    given(bucketless).when({ type: 'PlanSnapshots', intervalSeconds: 60, at }).thenRejected('no-bucket');
    given(bucketless, planned(60, { bucket: 'b', whitelist: null }))
      .when({ type: 'PlanSnapshots', intervalSeconds: 60, bucket: null, at })
      .thenRejected('no-bucket');
    given(bucketless, planned(60, { bucket: 'b', whitelist: null }))
      .when({ type: 'PlanSnapshots', intervalSeconds: 0, bucket: null, at })
      .then(planned(0, { whitelist: null }));
  });

  it('is refused once the task ends', () => {
    const plan = { type: 'PlanSnapshots', intervalSeconds: 60, at } as const;
    given().when(plan).thenRejected('task-not-found');
    given(task, dispatched(aLease(0)), cancelRequested)
      .when(plan)
      .thenRejected('task-not-running');
    given(task, dispatched(aLease(0)), concluded(anEnd(0)))
      .when(plan)
      .thenRejected('task-not-running');
  });
});
