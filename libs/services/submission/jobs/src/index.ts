export { JobsModule } from './jobs.module.js';
export { JOB_MIGRATIONS } from './migrations/job-migrations.js';
export { JobLists } from './queries/job-lists.js';
export { jobView } from './queries/job-view.js';
