import { Module } from '@nestjs/common';
import { provideProjection, serviceDatabase } from '@fornax/service-kit';
import { SchedulingController } from './http/scheduling.controller.js';
import { Organisations1790000600000 } from './migrations/1790000600000-organisations.migration.js';
import { LeaderEpochs1790000700000 } from './migrations/1790000700000-leader-epochs.migration.js';
import { GivenUpPlaces1790000900000 } from './migrations/1790000900000-given-up-places.migration.js';
import { Holds1790001540000 } from './migrations/1790001540000-holds.migration.js';
import { WorkTables1767225700000 } from './migrations/work-tables.migration.js';
import { WorkProjection } from './projections/work.projection.js';
import { SCHEDULER_CONFIG, loadSchedulerConfig } from './config/scheduler.config.js';
import { FleetMetrics } from './term/fleet-metrics.js';
import { SchedulerService } from './scheduler.service.js';
import { AcceptedLog } from './term/accepted-log.js';
import { GrantKeys } from './term/grant-keys.js';
import { LeaderDoor } from './term/leader-door.js';
import { LeaderLog } from './term/leader-log.js';
import { Losses } from './term/losses.js';
import { NewBeginnings } from './term/new-beginnings.js';
import { NodeMessages } from './term/node-messages.js';
import { SchedulerReadiness } from './term/scheduler-readiness.js';
import { TermPorts } from './term/term-ports.js';
import { Terms } from './term/terms.js';

/** Placement, execution progress, retries: everything that the log says about a task after its user has spoken. */
@Module({
  imports: [
    serviceDatabase('scheduler', [
      WorkTables1767225700000,
      Organisations1790000600000,
      LeaderEpochs1790000700000,
      GivenUpPlaces1790000900000,
      Holds1790001540000,
    ]),
  ],
  controllers: [SchedulingController],
  providers: [
    { provide: SCHEDULER_CONFIG, useFactory: () => loadSchedulerConfig(process.env) },
    ...provideProjection('scheduler', WorkProjection),
    AcceptedLog,
    LeaderLog,
    Losses,
    NodeMessages,
    TermPorts,
    GrantKeys,
    LeaderDoor,
    Terms,
    FleetMetrics,
    NewBeginnings,
    SchedulerReadiness,
    SchedulerService,
  ],
})
export class SchedulerModule {}
