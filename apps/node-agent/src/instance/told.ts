import type { NodeReport } from '@fornax/contracts';

/** A report without what all reports of a lease share. */
export type Told = NodeReport extends infer R
  ? R extends NodeReport
    ? Omit<R, 'leaseId' | 'taskId' | 'instance' | 'traceparent'>
    : never
  : never;
/** How a lease ended. */
export type End = Omit<Extract<Told, { kind: 'ended' }>, 'kind'>;
