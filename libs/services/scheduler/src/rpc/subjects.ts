/** Requests that only replicas of the scheduler make, so that any of them can answer HTTP while one leads. */
export const SCHEDULER_RPC = {
  overview: 'fx.rpc.scheduler.overview',
} as const;
