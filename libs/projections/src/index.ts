export {
  type ServiceDatabase,
  createServiceDataSource,
  serviceDataSourceOptions,
} from './database/service-data-source.js';
export { identifier } from './database/identifiers.js';
export {
  type Position,
  type Projection,
  type RebuildReport,
  type TableDifference,
  ProjectionOutOfDate,
} from './projection.js';
export { type ProjectionHealth, type ProjectionRunnerOptions, ProjectionRunner } from './projection-runner.js';
export { RebuildInProgress } from './rebuild/rebuild-projection.js';
export { type StoppedAggregate } from './stopped-aggregates.js';
