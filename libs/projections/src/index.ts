export {
  type ServiceDatabase,
  createServiceDataSource,
  serviceDataSourceOptions,
} from './database/service-data-source.js';
export { databaseDamageOf } from './database/database-damage.js';
export { identifier } from './database/identifiers.js';
export { markedAmong, ProcessMark } from './database/process-mark.js';
export {
  type Position,
  type Projection,
  type RebuildReport,
  type NamedTasks,
  type TableDifference,
  ProjectionOutOfDate,
} from './projection/projection.js';
export { outdateRows, readPosition, readPositions } from './projection/checkpoint.js';
export { type VersionedPosition } from './projection/row-version.js';
export {
  type ProjectionHealth,
  type RebuildStand,
  type ProjectionRunnerOptions,
  ProjectionRunner,
} from './projection-runner.js';
export { ReadBarrier, SharedHead } from './reading/read-barrier.js';
export { RebuildRefused, type RowLoss } from './rebuild/shortfall.js';
export { ProjectionBusy, RebuildInProgress } from './rebuild/rebuild-projection.js';
export { type StoppedAggregate } from './projection/stopped-aggregates.js';
