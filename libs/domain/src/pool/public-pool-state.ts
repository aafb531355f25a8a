import { sizeOf } from '../shared/ranges.js';
import { phaseCounts } from '../task/public-state.js';
import type { PublicPoolState } from './pool.events.js';
import type { PoolState } from './pool.state.js';

/** The state that clients see (contract, section 4.11): a function of the counters, so it can never disagree with them. */
export const publicPoolStateOf = (state: PoolState): PublicPoolState => {
  if (state.deleteRequested || state.deleted) return 'PendingDelete';
  if (state.failed !== null) return 'Failure';
  if (state.closed) return 'Closed';
  if (state.closeRequested) return 'Closing';
  const { dispatched, executing } = phaseCounts(state.slots);
  const waits = sizeOf(state.slots.waiting) > 0;
  if (executing > 0) return waits || dispatched > 0 ? 'PartiallyExecuting' : 'FullyExecuting';
  if (dispatched > 0) return waits ? 'PartiallyDispatched' : 'FullyDispatched';
  // A pool that is to have none has all that it is to have.
  return state.isSized && !waits && state.failures === 0 ? 'FullyExecuting' : 'Submitted';
};
