/** Sequences that one step reads, at most. */
export const STEP = 2_000;

/** The walk reads for at most a twentieth of the time, so that a slow disk is given more rest, not less. */
const REST_FACTOR = 19;
const LEAST_REST_MS = 1_000;

/** How long after a step the next one is due, so that one after the other they take `everyMs` to come around a log with this end. */
export const stepEveryMs = (head: number, everyMs: number): number => everyMs * Math.min(1, STEP / Math.max(1, head));

/** How long to rest after a step that took so long, whatever is due. */
export const restAfterMs = (lastedMs: number): number => Math.max(LEAST_REST_MS, REST_FACTOR * lastedMs);

/** What the next step reads, behind the place that is verified; the walk begins anew at its end. */
export const nextPart = (verified: number, head: number): { readonly from: number; readonly most: number } => ({
  from: verified >= head ? 1 : verified + 1,
  most: STEP,
});
