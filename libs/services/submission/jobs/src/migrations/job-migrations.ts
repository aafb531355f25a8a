import { Jobs1790001220000 } from './1790001220000-jobs.migration.js';

/** All that make the tables of jobs, in order. */
export const JOB_MIGRATIONS = [Jobs1790001220000] as const;
