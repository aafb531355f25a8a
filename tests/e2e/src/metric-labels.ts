const oneOf =
  (...values: readonly string[]) =>
  (value: string): boolean =>
    values.includes(value);

const REASONS = [
  ...['placing', 'dependencies', 'settling', 'max-parallel', 'pool-busy', 'pool-synchronizing'],
  ...['no-node', 'nodes-drain', 'disks-full', 'nodes-away', 'no-node-fits', 'fleet-full', 'nodes-failing'],
  ...['quota', 'credits-exhausted', 'budget-exhausted'],
  // Of messages that were dropped, and of writes that are stopped.
  ...['unreadable', 'too-large', 'wrong-node', 'wrong-lease', 'unknown-lease', 'unknown-snapshot', 'late', 'too-often'],
  ...['refused', 'unanswered', 'answer-too-large', 'disk', 'log-damage', 'event log'],
];

/** Which values a label may have: of lists that stand in the code, and so are few. Routes are those that were declared. */
export const LABEL_VALUES: Readonly<Record<string, (value: string) => boolean>> = {
  plan: oneOf('flex', 'onDemand', 'reserved'),
  reason: oneOf(...REASONS),
  cause: oneOf('user', 'platform', 'node-lost', 'preempted', 'limit', 'none'),
  outcome: oneOf(
    ...['success', 'failure', 'cancelled', 'completed', 'failed', 'admitted', 'refused'],
    ...['carried', 'full', 'gone', 'late'],
  ),
  use: oneOf('used', 'free'),
  phase: oneOf('dispatched', 'executing', 'uploading'),
  status: oneOf('online', 'draining', 'lost', 'retired'),
  state: oneOf('active', 'failing', 'parked'),
  kind: oneOf('unreadable', 'stopped'),
  direction: oneOf('in', 'out'),
  from: oneOf('cache', 'storage', 'registry', 'node'),
  intake: oneOf('requests', 'snapshot-reports', 'lease-lists', 'reports', 'live', 'output', 'heartbeats'),
  le: (value) => value === '+Inf' || /^\d+(?:\.\d+)?$/.test(value),
  projection: (value) => /^[a-z][a-z-]{1,30}$/.test(value),
  operation: (value) => /^[a-z][a-zA-Z]{3,40}$/.test(value),
  http_request_method: oneOf('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', '_OTHER'),
  http_response_status_code: (value) => /^[1-5]\d\d$/.test(value),
  http_route: (value) => value === 'unknown' || /^\/[\w.:/*-]*$/.test(value),
  fornax_service: oneOf('submission', 'scheduler', 'node-registry', 'storage', 'billing', 'snapshot'),
};
