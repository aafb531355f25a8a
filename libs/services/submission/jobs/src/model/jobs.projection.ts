import { Injectable } from '@nestjs/common';
import type { RecordedCommit } from '@fornax/contracts';
import { ReadBarrier, type Projection } from '@fornax/projections';
import type { EntityManager } from 'typeorm';
import { ALL_JOB_COLUMNS, JOB_COLUMNS, rowAfterCommit, rowOf, type JobRecord, type JobRow } from './job-row.js';

/** Name of the projection and of its checkpoint. */
export const JOBS = 'jobs';

/** Lets readers wait until the rows of jobs show what was committed before. */
export class JobBarrier extends ReadBarrier {}

const UPSERT = `INSERT INTO job (${ALL_JOB_COLUMNS}) SELECT ${ALL_JOB_COLUMNS} FROM json_to_recordset($1::json) AS r(${Object.entries(
  JOB_COLUMNS,
)
  .map(([name, type]) => `${name} ${type}`)
  .join(', ')})
  ON CONFLICT (job_id) DO UPDATE SET ${Object.keys(JOB_COLUMNS)
    .map((name) => `${name} = excluded.${name}`)
    .join(', ')}`;

/** Every job as it stands. */
@Injectable()
export class JobsProjection implements Projection {
  readonly name = JOBS;
  readonly version = 1;
  readonly aggregates = ['job'] as const;
  readonly tables = ['job'] as const;

  async write(tx: EntityManager, batch: readonly RecordedCommit[]): Promise<void> {
    const ids = [...new Set(batch.map(({ aggregateId }) => aggregateId))];
    const records = await tx.query<JobRecord[]>(`SELECT ${ALL_JOB_COLUMNS} FROM job WHERE job_id = ANY($1::text[])`, [
      ids,
    ]);
    const rows = new Map<string, JobRow | null>(records.map((record) => [record.job_id, rowOf(record)]));
    for (const commit of batch) rows.set(commit.aggregateId, rowAfterCommit(rows.get(commit.aggregateId), commit));
    const kept = [...rows.values()].filter((row) => row !== null);
    if (kept.length > 0) await tx.query(UPSERT, [JSON.stringify(kept)]);
    const gone = ids.filter((id) => rows.get(id) === null);
    if (gone.length > 0) await tx.query('DELETE FROM job WHERE job_id = ANY($1::text[])', [gone]);
  }
}
