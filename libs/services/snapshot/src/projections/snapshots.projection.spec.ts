import { describe, expect, it } from '@jest/globals';
import type { SnapshotEvent } from '@fornax/domain';
import { aCommit, writesForUnwanted } from '@fornax/testing';
import type { EntityManager } from 'typeorm';
import { SnapshotsProjection } from './snapshots.projection.js';

describe('the rows of snapshots', () => {
  it('writes nothing for commits that it does not want, of every event that there is', async () => {
    const { unwanted, statements } = await writesForUnwanted(new SnapshotsProjection());
    expect(unwanted).toEqual(expect.arrayContaining(['InstancesExited', 'TaskUpdated']));
    expect(statements).toEqual([]);
  });

  it('are as many as a batch speaks of, however many parts their snapshot has', async () => {
    const rows: number[] = [];
    const query = (text: string, columns: readonly (readonly unknown[])[]): Promise<readonly never[]> => {
      expect(text).not.toContain('SELECT *');
      rows.push(Math.max(...columns.map((column) => column.length)));
      return Promise.resolve([]);
    };
    const written = async (...events: readonly SnapshotEvent[]): Promise<readonly number[]> => {
      rows.length = 0;
      const commit = { ...aCommit('c', events), sequence: 1, aggregate: 'snapshot', aggregateId: 's' } as const;
      // The projection queries, and does nothing else with its transaction.
      await new SnapshotsProjection().write({ query } as unknown as EntityManager, [commit]);
      return rows;
    };
    const parts = Array.from({ length: 10_000 }, (_, n) => ({ instance: n, leaseId: `t/${n}`, node: 'n' }));
    const config = { whitelist: null, blacklist: null, bucket: 'b', prefix: null };
    const triggered = { snapshotId: 's', taskId: 't', owner: 'ada', config, parts, at: 1 };
    expect(await written({ type: 'SnapshotTriggered', ...triggered })).toEqual([1, 10_000, 1]);
    const uploaded = { type: 'SnapshotPartUploaded', leaseId: 't/7', files: 1, bytes: 2, at: 2 } as const;
    const progressed = { type: 'SnapshotProgressed', leaseId: 't/7', sizeToUploadBytes: 2, transferredBytes: 1, at: 2 };
    expect(await written({ ...progressed, type: 'SnapshotProgressed' }, uploaded)).toEqual([1, 1]);
    expect(await written({ type: 'SnapshotCompleted', taskId: 't', files: 1, bytes: 2, at: 3 })).toEqual([1, 1]);
  });
});
