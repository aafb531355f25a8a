/** Requests that only replicas of the scheduler make, so that any of them can answer HTTP while one leads. */
export const SCHEDULER_RPC = {
  overview: 'fx.rpc.scheduler.overview',
  /** The leader ends its term, so that the next one begins with the rows as they are now. */
  beginAnew: 'fx.rpc.scheduler.begin-anew',
} as const;
