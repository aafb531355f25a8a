import { Module } from '@nestjs/common';
import {
  ExactAnswers1790000810000,
  IdempotencyKeys1790000600000,
  provideProjection,
  serviceDatabase,
} from '@fornax/service-kit';
import { AdmissionPolicy } from './credentials/admission-policy.js';
import { Admission } from './credentials/admission.js';
import { ConnectionSweep } from './credentials/connection-sweep.js';
import { AuthCallout } from './credentials/auth-callout.js';
import { NodeConnections } from './credentials/node-connections.js';
import { Enrollment } from './enrollment/enrollment.js';
import { JoinDoor } from './enrollment/join-door.js';
import { NodeTokens } from './enrollment/node-tokens.js';
import { Fleet } from './fleet/fleet.js';
import { FoldAnew } from './followers/fold-anew.js';
import { NodeCommands } from './fleet/node-commands.js';
import { FleetFollower } from './followers/fleet-follower.js';
import { Beats } from './heartbeats/beats.js';
import { HeartbeatIntake } from './heartbeats/heartbeat-intake.js';
import { RegistryElection } from './heartbeats/registry-election.js';
import { LossDetector } from './heartbeats/loss-detector.js';
import { FleetReader } from './http/fleet-reader.js';
import { HardwareConstraintsController } from './http/hardware-constraints.controller.js';
import { NodeSearchController } from './http/node-search.controller.js';
import { NodeHistoryController } from './http/node-history.controller.js';
import { NodeCredentialsController } from './http/node-credentials.controller.js';
import { NodeTokensController } from './http/node-tokens.controller.js';
import { NodeViews } from './http/node-views.js';
import { NodesController } from './http/nodes.controller.js';
import { Drains1790000800000 } from './migrations/1790000800000-drains.migration.js';
import { FleetTable1767225800000 } from './migrations/fleet-table.migration.js';
import { NODE_REGISTRY_CONFIG, loadNodeRegistryConfig } from './config/node-registry.config.js';
import { FleetProjection } from './projections/fleet.projection.js';
import { MembershipController } from './rpc/membership.controller.js';
import { SessionTerms } from './rpc/session-terms.js';

/** Which nodes there are and whether they live; what hardware tasks may ask for. */
@Module({
  imports: [
    serviceDatabase('node-registry', [
      FleetTable1767225800000,
      IdempotencyKeys1790000600000,
      ExactAnswers1790000810000,
      Drains1790000800000,
    ]),
  ],
  controllers: [
    FleetFollower,
    MembershipController,
    HardwareConstraintsController,
    NodeTokensController,
    NodeCredentialsController,
    NodeSearchController,
    NodesController,
    NodeHistoryController,
  ],
  providers: [
    { provide: NODE_REGISTRY_CONFIG, useFactory: () => loadNodeRegistryConfig(process.env) },
    Fleet,
    FoldAnew,
    NodeCommands,
    Beats,
    HeartbeatIntake,
    LossDetector,
    RegistryElection,
    FleetReader,
    NodeViews,
    SessionTerms,
    AdmissionPolicy,
    NodeConnections,
    Admission,
    ConnectionSweep,
    AuthCallout,
    NodeTokens,
    Enrollment,
    JoinDoor,
    ...provideProjection('node-registry', FleetProjection),
  ],
})
export class NodeRegistryModule {}
