export { CONTROL_SERVICES } from '@fornax/contracts';
/** Real servers for one machine, and the processes around them: what `npm start` and the tests bring up. */
export { findFreePort, portState } from './process/free-port.js';
export {
  type NatsLayout,
  type Principal,
  GATE_ACCOUNT,
  LOG_ACCOUNT,
  SYSTEM_ACCOUNT,
  accountOf,
  principalsOf,
} from './nats/nats-accounts.js';
export {
  type AuthCallout,
  type NatsPermissions,
  type NatsUser,
  canAskAboutUsers,
  MAX_PAYLOAD_BYTES,
  nodeInboxPrefix,
  nodePermissions,
  renderNatsConfig,
} from './nats/nats-config.js';
export { calloutOf, loadOrCreateIssuer, newIssuerSeed } from './nats/issuer.js';
export { packageToolMissing, unpackPackage } from './package/debian-package.js';
export { pastaIn, provisionPasta } from './pasta/provision-pasta.js';
export {
  type NatsBinary,
  type NatsSource,
  type ProvisionOptions,
  NATS_SOURCES,
  provisionNats,
} from './nats/nats-provision.js';
export { type NatsCredentials, type NatsServer, type StartNatsOptions, startNats } from './nats/nats-server.js';
export {
  FLEET_USER,
  OPERATOR_USER,
  PROVISIONER_USER,
  SERVICES_USER,
  natsUsers,
  userNames,
  userOf,
} from './nats/nats-users.js';
export { type NatsVersion, PINNED_NATS, parseNatsVersion } from './nats/nats-version.js';
export { type PostgresServer, type StartPostgresOptions, startPostgres } from './postgres/postgres-server.js';
export { type ProcessId, identify, isAlive, signal } from './process/process-table.js';
export { type SecretFile, type SecretNeed, keepSecret, lostSecret, renewableSecret } from './secret/kept-secret.js';
export { ensurePrivateFolder, loadOrCreateSecret, randomPassword, writePrivateFile } from './secret/secrets.js';
export { type ProcessExit, type SpawnOptions, ServerProcess, logTail } from './process/server-process.js';
export { SetupError, describeError, errorCode } from './process/setup-error.js';
export { waitUntil } from './process/wait.js';
export { type DataFolder, checkFreeSpace, openDataFolder } from './folder/data-folder.js';
export { findProcesses, wasStartedWith } from './process/process-table.js';
export { Guardian, type GuardianOptions } from './supervise/guardian.js';
export type { GuardedProcess } from './supervise/guardian-protocol.js';
export { type Running, type Setback, Supervisor, type SupervisorEvents } from './supervise/supervisor.js';
