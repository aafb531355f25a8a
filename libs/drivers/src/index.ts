export { ContainerDriver, type ContainerOptions } from './container/container.driver.js';
export { Engine, EngineAway, type EngineImage, EngineRefused } from './container/engine.js';
export type {
  Driver,
  DriverFacts,
  EnteredCommand,
  EnteringCommand,
  InstanceCommand,
  InstanceExit,
  InstanceSpec,
  InstanceUse,
  Network,
  PreparedInstance,
  RunningInstance,
  SecretFile,
  UserNumbers,
} from './driver/driver.js';
export { closeInherited } from './process/close-inherited.js';
export { removeTree } from './process/remove-tree.js';
export { splitWords, UnbalancedQuote } from './command/split-words.js';
export { allowProblem } from './network/reach.js';
export type { Doors } from './network/listen-within.js';
export { NothingListens } from './network/way-in.js';
export { STANDARD_PATH } from './sandbox/host-view.js';
export { CommandTooLong } from './sandbox/first-process.js';
export { SECRETS_SOCKET } from './sandbox/secret-folders.js';
export { NoSandbox, SandboxDriver, type SandboxOptions } from './sandbox/sandbox.driver.js';
export type { IdRange } from './sandbox/user-ids.js';
export { uptimeMs } from './warden/uptime.js';
