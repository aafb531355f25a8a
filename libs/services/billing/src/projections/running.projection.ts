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
  /** 2: what nodes draw. */
  readonly version = 2;
  readonly aggregates: readonly Aggregate[] = ['task', 'pool', 'node'];
  readonly wants = withEvents(
    'NodeJoined',
    'TaskSubmitted',
    'PoolCreated',
    'InstancesDispatched',
    'SlotsDispatched',
    'InstancesStarted',
    'SlotsReady',
    'InstancesConcluded',
    'InstancesRequeued',
    'SlotsEnded',
  );
  readonly paceMs = 1_000;
  readonly tables = ['usage_cores', 'running_attempt', 'node_hardware', 'node_power'];

  write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    return writeRunning(tx, runningChange(batch));
  }
}
