import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { ReadBarrier } from '@fornax/projections';
import { ReadBarriers } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { completePart } from '../projections/snapshot-rows.js';

/** Looks up earlier snapshots that the next one may copy from. */
@Injectable()
export class EarlierParts {
  private readonly barrier: ReadBarrier;

  constructor(
    @InjectDataSource('snapshot') private readonly db: DataSource,
    barriers: ReadBarriers,
  ) {
    this.barrier = barriers.of('snapshots');
  }

  /** Whether the instance's part of a snapshot is complete: what of it is not known yet may not be copied. */
  async isComplete(taskId: string, instance: number, snapshotId: string): Promise<boolean> {
    await this.barrier.caughtUp();
    return (await completePart(this.db, { taskId, instance, snapshotId })) !== undefined;
  }
}
