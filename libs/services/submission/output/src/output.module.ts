import { Module } from '@nestjs/common';
import { ENV } from '@fornax/service-kit';
import { TasksModule } from '@fornax/tasks';
import { outputDatabase } from './config/database.js';
import { loadOutputConfig, OUTPUT_CONFIG, type OutputConfig } from './config/output-config.js';
import { EndedTasks } from './followers/ended-tasks.js';
import { IngestedOutput } from './model/ingested-output.js';
import { LogIngest } from './followers/log-ingest.js';
import { OutputMetrics } from './followers/output-metrics.js';
import { OutputCleanup } from './followers/output-cleanup.js';
import { OutputRangesController } from './http/output-ranges.controller.js';
import { OutputTailController } from './http/output-tail.controller.js';
import { OutputController } from './http/output.controller.js';
import { ErrorOutput } from './queries/error-output.js';
import { LogReader } from './queries/log-reader.js';
import { OutputArchive } from './model/output-archive.js';
import { OutputArchiver } from './model/output-archiver.js';
import { OutputErrors } from './model/output-errors.js';
import { OutputLeases } from './model/output-leases.js';
import { OutputPages } from './model/output-pages.js';
import { OutputSignals } from './model/output-signals.js';
import { OutputWindow } from './model/output-window.js';
import { OutputReadController } from './rpc/output-read.controller.js';
import { OutputTail } from './queries/output-tail.js';
import { RangeReader } from './queries/range-reader.js';
import { OutputLookup } from './queries/output-lookup.js';

const windowOf = ({ logUnreadBytes }: OutputConfig): OutputWindow => new OutputWindow(logUnreadBytes);

/** Output of instances: from the stream to rows, from rows to objects; read as a whole, what is fresh, ranges, tails. */
@Module({
  imports: [outputDatabase(), TasksModule],
  controllers: [
    OutputController,
    OutputTailController,
    OutputRangesController,
    OutputReadController,
    EndedTasks,
    OutputCleanup,
  ],
  providers: [
    { provide: OUTPUT_CONFIG, inject: [ENV], useFactory: loadOutputConfig },
    OutputErrors,
    OutputLeases,
    OutputArchive,
    OutputArchiver,
    OutputPages,
    OutputSignals,
    OutputTail,
    OutputLookup,
    RangeReader,
    { provide: OutputWindow, inject: [OUTPUT_CONFIG], useFactory: windowOf },
    IngestedOutput,
    ErrorOutput,
    LogIngest,
    OutputMetrics,
    LogReader,
  ],
})
export class OutputModule {}
