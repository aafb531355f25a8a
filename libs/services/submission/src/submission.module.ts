import { Module } from '@nestjs/common';
import { JOB_MIGRATIONS, JobsModule } from '@fornax/jobs';
import { HistoryModule } from '@fornax/history';
import { NotifyModule } from '@fornax/notify';
import { OutputModule } from '@fornax/output';
import { PeopleModule } from '@fornax/people';
import { Pools1790001310000, PoolsModule } from '@fornax/pools';
import { Profiles1790001700000, ProfilesModule } from '@fornax/profiles';
import { SECRET_MIGRATIONS, SecretsModule } from '@fornax/secrets';
import {
  ExactAnswers1790000810000,
  IdempotencyKeys1790000600000,
  provideLogWalk,
  provideSubmitProof,
  serviceDatabase,
  UnsettledRequests1790000800000,
} from '@fornax/service-kit';
import { TASK_MIGRATIONS, TasksModule } from '@fornax/tasks';
import { InstanceSessionsController } from './http/instance-sessions.controller.js';
import { NetworkController } from './http/network.controller.js';
import { ScalingController } from './http/scaling.controller.js';
import { ServiceController } from './http/service.controller.js';
import { HeldObjects } from './http/held-objects.js';
import { UserInfo } from './http/user-info.js';
import { CarrierCalls } from './ways/carrier-calls.js';
import { ClusterCarriers } from './ways/cluster-carriers.js';
import { ClusterWays } from './ways/cluster-ways.js';
import { Carriers } from './ways/carriers.js';
import { LostSessions } from './ways/lost-sessions.js';
import { SessionRecords } from './ways/session-records.js';
import { SessionTargets } from './ways/session-targets.js';
import { SessionsDoor } from './ways/sessions-door.js';
import { Sessions } from './ways/sessions.js';
import { WaysController } from './ways/ways.controller.js';
import { WaysDoor } from './ways/ways-door.js';

/** Name of the service: of its database schema and of its checkpoints. */
const SERVICE = 'submission';

/** Composes the features that users speak to, and answers what belongs to none of them. */
@Module({
  imports: [
    serviceDatabase(SERVICE, [
      ...TASK_MIGRATIONS,
      ...JOB_MIGRATIONS,
      Pools1790001310000,
      Profiles1790001700000,
      ...SECRET_MIGRATIONS,
      IdempotencyKeys1790000600000,
      ExactAnswers1790000810000,
      UnsettledRequests1790000800000,
    ]),
    ProfilesModule,
    PeopleModule,
    TasksModule,
    JobsModule,
    PoolsModule,
    SecretsModule,
    OutputModule,
    HistoryModule,
    NotifyModule,
  ],
  controllers: [ServiceController, ScalingController, NetworkController, InstanceSessionsController, WaysController],
  providers: [
    provideLogWalk(SERVICE),
    provideSubmitProof(SERVICE),
    HeldObjects,
    UserInfo,
    Carriers,
    CarrierCalls,
    ClusterCarriers,
    ClusterWays,
    WaysDoor,
    SessionsDoor,
    SessionTargets,
    SessionRecords,
    Sessions,
    LostSessions,
  ],
})
export class SubmissionModule {}
