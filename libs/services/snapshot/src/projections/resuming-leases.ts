import type { RecordedCommit } from '@fornax/contracts';
import { withEvents } from '@fornax/event-store';
import type { Queries } from './snapshot-rows.js';

/** Tells which commits of tasks say that an instance is about to begin, begins, or ends. */
export const changesResuming = withEvents(
  'InstancesDispatched',
  'InstancesStarted',
  'InstancesConcluded',
  'InstancesRequeued',
);

interface Lease {
  readonly taskId: string;
  readonly instance: number;
  readonly leaseId: string;
}

interface Succeeded extends Pick<Lease, 'taskId' | 'instance'> {
  readonly sequence: number;
}

/** Instances that a batch leaves dispatched and not started, and leases that wait no more. */
const leasesIn = (
  batch: readonly RecordedCommit[],
): {
  readonly waiting: ReadonlyMap<string, Lease>;
  readonly over: readonly string[];
  readonly succeeded: readonly Succeeded[];
} => {
  const [waiting, over, succeeded] = [new Map<string, Lease>(), new Set<string>(), [] as Succeeded[]];
  const isOver = (leaseId: string): void => {
    if (!waiting.delete(leaseId)) over.add(leaseId);
  };
  for (const { aggregateId: taskId, events, sequence } of batch)
    for (const event of events)
      switch (event.type) {
        case 'InstancesDispatched':
          for (const { instance, leaseId } of event.leases) waiting.set(leaseId, { taskId, instance, leaseId });
          break;
        case 'InstancesStarted':
          for (const { leaseId } of event.leases) isOver(leaseId);
          break;
        case 'InstancesConcluded':
        case 'InstancesRequeued':
          for (const { leaseId, instance, outcome } of event.attempts) {
            isOver(leaseId);
            if (event.type === 'InstancesConcluded' && outcome === 'success')
              succeeded.push({ taskId, instance, sequence });
          }
          break;
        default:
      }
  return { waiting, over: [...over], succeeded };
};

/** Writes which instances may be about to begin with a snapshot, of which task; and which have no use for theirs any more, as they have succeeded. */
export const writeResuming = async (db: Queries, batch: readonly RecordedCommit[]): Promise<void> => {
  const { waiting, over, succeeded } = leasesIn(batch);
  if (over.length > 0) await db.query('DELETE FROM resuming_lease WHERE lease_id = ANY ($1::text[])', [over]);
  if (waiting.size > 0) {
    const leases = [...waiting.values()];
    await db.query(
      `INSERT INTO resuming_lease (source_task, instance, lease_id)
       SELECT source, instance, lease_id FROM unnest($1::text[], $2::integer[], $3::text[]) AS lease (task_id, instance, lease_id)
       JOIN task_ref USING (task_id), unnest(ARRAY[task_id, origin_task]) AS source
       WHERE resumes AND source IS NOT NULL ON CONFLICT DO NOTHING`,
      [
        leases.map(({ taskId }) => taskId),
        leases.map(({ instance }) => instance),
        leases.map(({ leaseId }) => leaseId),
      ],
    );
  }
  if (succeeded.length > 0)
    await db.query(
      `UPDATE snapshot_part AS part SET is_done = true
       FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS done (task_id, instance, sequence) JOIN snapshot USING (task_id)
       WHERE part.snapshot_id = snapshot.snapshot_id AND part.instance = done.instance AND snapshot.sequence < done.sequence AND NOT part.is_done`,
      [
        succeeded.map(({ taskId }) => taskId),
        succeeded.map(({ instance }) => instance),
        succeeded.map(({ sequence }) => sequence),
      ],
    );
};
