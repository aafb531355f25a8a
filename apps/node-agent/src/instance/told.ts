import type { KnownSecrets } from '@fornax/base';
import type { NodeReport } from '@fornax/contracts';

/** A report without what all reports of a lease share. */
export type Told = NodeReport extends infer R
  ? R extends NodeReport
    ? Omit<R, 'leaseId' | 'taskId' | 'instance' | 'traceparent'>
    : never
  : never;
/** How a lease ended. */
export type End = Omit<Extract<Told, { kind: 'ended' }>, 'kind'>;

/** A report with no secret in what it says in words: the log keeps that for good. */
export const toldWithout = (secrets: Pick<KnownSecrets, 'without'>, report: Told): Told => {
  const clean = (text: string): string => secrets.without(text);
  const { error, notes } = { error: undefined, notes: undefined, ...report };
  return {
    ...report,
    ...(error === undefined ? {} : { error: { ...error, message: clean(error.message), debug: clean(error.debug) } }),
    ...(notes === undefined ? {} : { notes: notes.map(clean) }),
  };
};
