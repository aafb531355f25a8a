import { Injectable } from '@nestjs/common';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { runningChange, writeRunning } from './running-rows.js';

/** What is on nodes now. Commits gather for a second while nobody asks: an attempt that begins and ends meanwhile is never written. */
@Injectable()
export class RunningProjection implements Projection {
  readonly name = 'running';
  /** 3: how many instances there are, and when their jobs end. 2: what nodes draw. */
  readonly version = 3;
  readonly aggregates: readonly Aggregate[] = ['task', 'pool', 'node', 'job'];
  readonly wants = withEvents(
    'NodeJoined',
    'JobCreated',
    'TaskSubmitted',
    'PoolCreated',
    'InstancesDispatched',
    'SlotsDispatched',
    'InstancesStarted',
    'SlotsReady',
    'InstancesConcluded',
    'InstancesRequeued',
    'WaitingInstancesCancelled',
    'WaitingInstancesExpired',
    'SlotsEnded',
  );
  readonly paceMs = 1_000;
  readonly tables = ['usage_cores', 'job_deadline', 'running_attempt', 'node_hardware', 'node_power'];

  write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    return writeRunning(tx, runningChange(batch));
  }
}
