import { Injectable } from '@nestjs/common';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import type { NodeEvent } from '@fornax/domain';
import type { Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { readNodes, upsertNodes } from './fleet-rows.js';
import { evolveNodeRow, newNodeRow, type NodeRow } from './node-row.js';

/** The read model of the fleet: which nodes there are, how they are, and what they are made of. */
@Injectable()
export class FleetProjection implements Projection {
  readonly name = 'fleet';
  readonly version = 1;
  readonly aggregates: readonly Aggregate[] = ['node'];
  readonly tables = ['node'];

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const ids = [...new Set(batch.map(({ aggregateId }) => aggregateId))];
    const rows = new Map<string, NodeRow>((await readNodes(tx, ids)).map((row) => [row.state.nodeId, row]));
    for (const { aggregateId, events, meta } of batch) {
      // Only node commits are handed over.
      rows.set(
        aggregateId,
        (events as readonly NodeEvent[]).reduce(
          (row, event) => evolveNodeRow(row, event, meta),
          rows.get(aggregateId) ?? newNodeRow,
        ),
      );
    }
    await upsertNodes(tx, [...rows.values()]);
  }
}
