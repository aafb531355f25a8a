export * from '@fornax/domain/specs';
export { aCommit } from './a-commit.js';
export { writesForUnwanted } from './unwanted-commits.js';
export { eventually } from './waiting/eventually.js';
export { providePython, providePythonSdk, provideStatementReaders, type PythonSdk } from './platform/python-sdk.js';
export {
  type PlatformOptions,
  type RunningPlatform,
  startPlatform,
  toolsDir,
  workspaceRoot,
} from './platform/running-platform.js';
export {
  type TestDatabase,
  type TestPostgres,
  createTestDatabase,
  startTestPostgres,
} from './servers/test-database.js';
export { type StartTestNatsOptions, type TestNats, startTestNats, testNatsBinary } from './servers/test-nats.js';
export { type FaultProxy, startFaultProxy } from './servers/fault-proxy.js';
export { type RecordedRun, type RecordedWork, type RunRecorder, startRunRecorder } from './servers/run-recorder.js';
export { type TestClock, testClock } from './servers/test-clock.js';
export { oncePerRun } from './servers/run-folder.js';
export { provideGoProgram, type Go, type GoProgram } from './servers/go-program.js';
export { damageStore } from './servers/damage-store.js';
export { leaveAtOnce, openWire, requestHead, type Wire } from './wire.js';
export { between, pick, randomFrom, type Random } from './random.js';
