import { OutputRangesController } from '../http/output-ranges.controller.js';
import { OutputSignalsController } from '../http/output-signals.controller.js';
import { OutputTailController } from '../http/output-tail.controller.js';
import { TaskOutputController } from '../http/task-output.controller.js';
import { Output1790000200000 } from '../migrations/1790000200000-output.migration.js';
import { OutputTime1790000700000 } from '../migrations/1790000700000-output-time.migration.js';
import { OutputLookup } from '../queries/output-lookup.js';
import { LogIngest } from './log-ingest.js';
import { LogReader } from './log-reader.js';
import { OutputArchive } from './output-archive.js';
import { OutputArchiver } from './output-archiver.js';
import { OutputErrors } from './output-errors.js';
import { OutputLeases } from './output-leases.js';
import { OutputPages } from './output-pages.js';
import { OutputSignals } from './output-signals.js';
import { OutputTail } from './output-tail.js';
import { RangeReader } from './range-reader.js';

/** What the module of the service takes in for the output of tasks. */
export const OUTPUT_CONTROLLERS = [
  TaskOutputController,
  OutputTailController,
  OutputRangesController,
  OutputSignalsController,
] as const;
export const OUTPUT_MIGRATIONS = [Output1790000200000, OutputTime1790000700000] as const;
export const OUTPUT_PROVIDERS = [
  OutputErrors,
  OutputLeases,
  OutputArchive,
  OutputArchiver,
  OutputPages,
  OutputSignals,
  OutputTail,
  OutputLookup,
  RangeReader,
  LogIngest,
  LogReader,
] as const;
