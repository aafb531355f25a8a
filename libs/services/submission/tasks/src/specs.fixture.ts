// For the specs of the whole service alone: nothing of it is built.
export { selectedTaskSchema } from './http/selected-fields.js';
export { SILENT_AFTER_MS } from './live/live-board.js';
export { SucceededInstances1790000820000 } from './migrations/1790000820000-succeeded-instances.migration.js';
export { type InstancesPage } from './queries/task-instances.js';
export { SUMMARY_COLUMNS } from './queries/task-summary.js';
