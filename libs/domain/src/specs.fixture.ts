/** What specs of other projects need of the domain's own; nothing of it ships. */
export {
  AT,
  accountCreated,
  aFailure,
  aHardware,
  aLease,
  anEnd,
  aRef,
  aTaskSpec,
  bucketCreated,
  cancelRequested,
  concluded,
  deleteRequested,
  dispatched,
  exited,
  nodeJoined,
  poolCreated,
  requeued,
  slotsEnded,
  started,
  submitted,
} from './specs/facts.fixture.js';
export { specFor } from './specs/given.fixture.js';
