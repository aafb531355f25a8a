import type { Aggregate } from '../subjects/subjects.js';

/** Somebody wrote to the log to see whether it takes a commit and gives it back (ADR 0030). Nothing that anybody folds changes. */
export interface LogProbed {
  readonly type: 'LogProbed';
  readonly at: number;
}

/**
 * Where probes stand: all behind each other, so the log holds one more subject, however many there are. Of pools there are no other events, so
 * programs that are older than the probe never decode what stands there, whereas each of them would put aside what it met of an aggregate, or in
 * an aggregate that it folds, without knowing it.
 */
export const LOG_PROBE: { readonly aggregate: Aggregate; readonly id: string } = { aggregate: 'pool', id: 'probe' };
