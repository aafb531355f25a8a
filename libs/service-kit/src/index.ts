export { loadCoreConfig, masterKeyOf, type CoreConfig } from './config/core-config.js';
export { wireErrorOf } from './errors/wire-error.js';
export {
  CLOCK,
  CORE_CONFIG,
  ENV,
  EVENT_LOG,
  LOGGER,
  MONOTONIC_CLOCK,
  NATS,
  NODES_NATS,
  PUBLISHER,
} from './core/tokens.js';
export { HealthRegistry, type Readiness, type ReadinessCheck, type Trouble } from './core/health.registry.js';
export { provideSubmitProof } from './readiness/provide-submit-proof.js';
export { WriteStops, type Writer, type WriteStop } from './core/write-stops.js';
export { schemaOf, serviceDatabase } from './database/service-database.js';
export { Idempotent, type IdempotentOptions } from './idempotency/idempotent.js';
export { forgetObjects } from './idempotency/idempotency-store.js';
export { IdempotencyKeys1790000600000 } from './idempotency/idempotency-keys.migration.js';
export { ExactAnswers1790000810000 } from './idempotency/exact-answers.migration.js';
export { JOINS_FOR_MINUTES, UnsettledRequests } from './idempotency/unsettled-requests.js';
export { UnsettledRequests1790000800000 } from './idempotency/unsettled-requests.migration.js';
export { DataKeys, KeyDestroyed, type OwnedKey, type Rewrapped, type UnnamedKey } from './keys/data-keys.js';
export {
  DataKeyOwners1790001500100,
  DataKeys1790001500000,
  DataKeysNamed1790001500200,
  DataKeysUnnamed1790001640000,
  KeysNamedAnew1790001530000,
} from './keys/data-keys.migration.js';
export { outsideOfRequests } from './errors/carried-out.js';
export { AuditAnswers } from './operators/audit-answers.js';
export { auditLog, type Auditor } from './operators/log-audit.js';
export { Audits } from './operators/log-audit.controller.js';
export { ProjectionHost, type ProjectionStatus } from './projections/projection-host.js';
export { provideLogWalk } from './log/walk/log-walk.js';
export { ReadBarriers, provideReadBarrier } from './projections/read-barriers.js';
export { provideProjection } from './projections/provide-projection.js';
export { NOTHING_TO_ACCEPT } from './log/watch/log-trouble.js';
export { LogWatch } from './log/watch/log-watch.js';
export { LogFollower, LogHandler, type LogHandlerOptions } from './log/log-handler.js';
export { RpcHandler } from './rpc/rpc-handler.js';
export { ServiceArea } from './storage/service-area.js';
export { EVENT_STREAM_CONTENT } from './http/openapi/event-stream.js';
export { JsonTextInterceptor } from './http/json-text.interceptor.js';
export { WireBodies, DocumentBody, WireBody, type OneOrEach } from './http/wire-body.js';
export { parseInput, ZodBody, ZodParam, ZodQuery } from './http/zod-parameters.js';
export { loadDoorLimits, type DoorLimits } from './http/door/door-limits.js';
export { guardConnections, guardUploads, serverOptions } from './http/door/guard-connections.js';
export { HeaderChecks, type HeaderCheck } from './http/door/header-checks.js';
export { deciderOf, isSameToken, RECOVERY_CHECK } from './http/door/operator-check.js';
export { shareOf, type Peers } from './http/door/peers.js';
export { drainThenEnd, refuse, type Refusal } from './http/door/refuse.js';
export { RequestSlots } from './http/door/request-slots.js';
export { WrongTokens } from './http/door/wrong-tokens.js';
export { methodLabel } from './http/request-telemetry.js';
export { rewriteUrl } from './http/rewrite-url.js';
export { runService, type ServiceOptions } from './run/run-service.js';
