import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Unavailable } from '@fornax/base';
import type { ReadBarrier } from '@fornax/projections';
import { NATS, ReadBarriers } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import { SnapshotCommands } from '../commands/snapshot-commands.js';
import { awaitedParts } from '../projections/snapshot-rows.js';
import type { NatsConnection } from './nats-connection.js';
import { reportsAreHandled } from './report-backlog.js';

const ACTOR = 'service:snapshot';
const PROJECTION_TIMEOUT_MS = 10_000;
const BACKLOG_TIMEOUT_MS = 5_000;
const ENDED = 'the instance ended before its files were uploaded';

/** Fails parts of snapshots whose lease is over. */
@Injectable()
export class EndedParts {
  private readonly barrier: ReadBarrier;

  constructor(
    @Inject(NATS) private readonly nats: NatsConnection,
    @InjectDataSource('snapshot') private readonly db: DataSource,
    barriers: ReadBarriers,
    private readonly commands: SnapshotCommands,
  ) {
    this.barrier = barriers.of('snapshots');
  }

  /**
   * Fails every part of these leases that is awaited still.
   * @param sequence of the last commit that says so
   * @throws Unavailable the rows are too far behind to say which parts these are
   */
  async failAwaited(leaseIds: readonly string[], sequence: number): Promise<void> {
    // The rows must know every snapshot that was triggered before these ends.
    if (!(await this.barrier.passedInDueTime(sequence, PROJECTION_TIMEOUT_MS))) {
      throw new Unavailable('the snapshots projection is behind the log', { code: 'projection-behind' });
    }
    if ((await awaitedParts(this.db, leaseIds)).length === 0) return;
    await reportsAreHandled(this.nats, BACKLOG_TIMEOUT_MS);
    // An upload that was reported in time is in the log by now, so that its failure is ignored.
    for (const [snapshotId, parts] of Map.groupBy(await awaitedParts(this.db, leaseIds), (part) => part.snapshotId)) {
      await this.fail(
        snapshotId,
        parts.map(({ leaseId }) => leaseId),
      );
    }
  }

  /** Fails these parts of one snapshot. */
  async fail(snapshotId: string, leaseIds: readonly string[]): Promise<void> {
    await this.commands.record(
      snapshotId,
      leaseIds.map((leaseId) => ({ type: 'RecordPartFailed', leaseId, reason: ENDED })),
      ACTOR,
    );
  }
}
