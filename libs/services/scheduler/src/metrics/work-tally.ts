import { counterOf, durationsOf, spanContextOf, type Durations } from '@fornax/base';
import { outcomeOf, type AttemptEnd, type TaskEvent } from '@fornax/domain';
import { isFinished } from '../view/entry-fold.js';
import type { FoldedCommit } from '../view/folded-commit.js';

type Labels = Readonly<Record<string, string>>;

/** Where measurements go. */
export interface WorkMeters {
  submitted(labels: Labels): void;
  ended(labels: Labels): void;
  attemptEnded(labels: Labels): void;
  requeued(labels: Labels): void;
  /** Seconds, and the traceparent of the commit that says so. */
  queued(seconds: number, labels: Labels, traceparent?: string): void;
  /** Seconds, and the traceparent of the commit that says so. */
  started(seconds: number, labels: Labels, traceparent?: string): void;
}

const causeOf = ({ cause }: AttemptEnd): string => cause ?? 'none';
const secondsBetween = (from: number, to: number): number => Math.max(0, to - from) / 1_000;

const tallyEvent = ({ before, commit }: FoldedCommit, event: TaskEvent, plan: string, to: WorkMeters): void => {
  const { traceparent } = commit.meta;
  switch (event.type) {
    case 'TaskSubmitted':
      return to.submitted({ plan });
    case 'InstancesDispatched': {
      if (before.waitingSince === undefined) return;
      const seconds = secondsBetween(before.waitingSince, event.at);
      for (let lease = 0; lease < event.leases.length; lease += 1) to.queued(seconds, { plan }, traceparent);
      return;
    }
    case 'InstancesStarted':
      for (const { instance } of event.leases) {
        const { dispatchedAt } = before.state.inFlight.get(instance) ?? {};
        if (dispatchedAt !== undefined) to.started(secondsBetween(dispatchedAt, event.at), { plan }, traceparent);
      }
      return;
    case 'InstancesConcluded':
      for (const end of event.attempts) to.attemptEnded({ outcome: end.outcome, cause: causeOf(end) });
      return;
    case 'InstancesRequeued':
      for (const end of event.attempts) to.requeued({ cause: causeOf(end) });
      return;
    default:
  }
};

/** Counts what a commit of a task did. Times are those of the commits: no clock of a node is in them. */
export const tallyCommit = (folded: FoldedCommit, to: WorkMeters): void => {
  const { before, after, commit } = folded;
  if (commit.aggregate !== 'task') return;
  const { plan } = after.state.spec;
  // The aggregate, the name in its subject, says which events it has.
  for (const event of commit.events as readonly TaskEvent[]) tallyEvent(folded, event, plan, to);
  if (isFinished(after) && !isFinished(before)) to.ended({ plan, outcome: outcomeOf(after.state) });
};

const recordIn =
  (durations: Durations) =>
  (seconds: number, labels: Labels, traceparent?: string): void =>
    durations.record(seconds, labels, spanContextOf(traceparent));

const countIn = (name: Parameters<typeof counterOf>[0]): ((labels: Labels) => void) => {
  const counter = counterOf(name);
  return (labels) => counter.add(1, labels);
};

/** The metrics of this process. */
export const workMeters: WorkMeters = {
  submitted: countIn('fornax.tasks.submitted'),
  ended: countIn('fornax.tasks.ended'),
  attemptEnded: countIn('fornax.attempts.ended'),
  requeued: countIn('fornax.attempts.requeued'),
  queued: recordIn(durationsOf('fornax.instance.queue.duration')),
  started: recordIn(durationsOf('fornax.instance.start.duration')),
};
