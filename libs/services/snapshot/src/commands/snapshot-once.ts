import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { CommandRejected, CommitTooLarge } from '@fornax/event-store';
import type { ReadBarrier } from '@fornax/projections';
import { ReadBarriers } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { findTaskRefs, type TaskRef } from '../projections/task-refs.js';
import { SnapshotCommands, type TriggerFacts, type Who } from './snapshot-commands.js';

/** Triggers a snapshot whose id says what it is for: however many processes do, and however often, there is one. */
@Injectable()
export class SnapshotOnce {
  private readonly barrier: ReadBarrier;

  constructor(
    @InjectDataSource('snapshot') private readonly db: DataSource,
    barriers: ReadBarriers,
    private readonly commands: SnapshotCommands,
  ) {
    this.barrier = barriers.of('snapshots');
  }

  /** Whether the rows know what the log knows now. */
  isUpToDate(): Promise<boolean> {
    return this.barrier.caughtUp();
  }

  /** Those of these tasks that there are, as the rows know them. */
  tasks(taskIds: readonly string[]): Promise<ReadonlyMap<string, TaskRef>> {
    return findTaskRefs(this.db, taskIds);
  }

  /** One of too many instances is recorded as failed. @throws LogUnavailable */
  async trigger(facts: TriggerFacts, who: Who): Promise<void> {
    try {
      try {
        await this.commands.trigger(facts, who);
      } catch (error) {
        if (!(error instanceof CommitTooLarge)) throw error;
        await this.commands.triggerFailed(facts, `${facts.parts.length} instances are too many for one snapshot`, who);
      }
    } catch (error) {
      // Another process was faster, or it was told twice.
      if (!(error instanceof CommandRejected && error.rejection.code === 'snapshot-exists')) throw error;
    }
  }
}
