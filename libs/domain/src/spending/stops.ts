import type { InstantMs } from '../shared/time.js';

/** How the snapshot stands that a task gets before it is stopped. */
export type LastSnapshot =
  /** There is nothing to take, or no bucket for it. */
  | { readonly status: 'none' }
  /** It is complete, or failed. */
  | { readonly status: 'over' }
  | { readonly status: 'open'; readonly triggeredAt: InstantMs }
  /** Whoever takes it has not answered since it was asked first, or since the snapshot was triggered. */
  | { readonly status: 'unanswered'; readonly askedAt: InstantMs };

/** The instant from which on a task is cancelled whose project has used up a budget that stops what runs: no later than `graceMs` after its snapshot was triggered, or asked for. */
export const stopsAt = (exhaustedAt: InstantMs, snapshot: LastSnapshot, graceMs: number): InstantMs => {
  switch (snapshot.status) {
    case 'none':
    case 'over':
      return exhaustedAt;
    case 'open':
      return snapshot.triggeredAt + graceMs;
    case 'unanswered':
      return snapshot.askedAt + graceMs;
  }
};
