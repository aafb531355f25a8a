import { wireDate, wireDuration, type WireJob } from '@fornax/contracts';
import type { JobRow } from '../model/job-row.js';

const wireSeconds = (seconds: number): string => wireDuration(seconds * 1_000);

/** A job as clients read it (contract, section 3.7). */
export const jobView = (row: JobRow): WireJob => ({
  uuid: row.job_id,
  name: row.name,
  shortname: row.shortname,
  poolUuid: row.pool_id,
  state: row.state,
  previousState: row.previous_state,
  useDependencies: row.use_dependencies,
  stateTransitionTime: wireDate(row.state_ms),
  previousStateTransitionTime: wireDate(row.previous_state_ms),
  creationDate: wireDate(row.created_ms),
  lastModified: wireDate(row.modified_ms),
  maxWallTime: row.max_wall_s === null ? null : wireSeconds(row.max_wall_s),
  tags: [...row.tags],
  autoDeleteOnCompletion: row.auto_delete,
  completionTimeToLive: wireSeconds(row.keep_s ?? 0),
});
