import { Jobs1790001220000 } from './1790001220000-jobs.migration.js';
import { StagedTasks1790001410000 } from './1790001410000-staged-tasks.migration.js';
import { StagedByCommit1790001430000 } from './1790001430000-staged-by-commit.migration.js';
import { StagedJobs1790001420000 } from './1790001420000-staged-jobs.migration.js';

/** All that make the tables of jobs, in order. */
export const JOB_MIGRATIONS = [
  Jobs1790001220000,
  StagedTasks1790001410000,
  StagedJobs1790001420000,
  StagedByCommit1790001430000,
] as const;
