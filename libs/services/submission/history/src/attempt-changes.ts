import type { RecordedCommit } from '@fornax/contracts';
import type { AttemptEnd, TaskEvent } from '@fornax/domain';
import { z } from 'zod';

const instant = z.string();

/** One instance at one change of its attempt. What the event does not say is null. */
const changedSchema = z.object({
  instance: z.int().nonnegative(),
  attempt: z.int().positive().nullable(),
  node: z.string().nullable(),
  startedAt: instant.nullable().describe('When its command started, as its node says.'),
  endedAt: instant.nullable().describe('When its command ended.'),
  outcome: z.string().nullable(),
  cause: z.string().nullable(),
  exitCode: z.int().nullable(),
});

export const attemptChangeSchema = z.object({
  sequence: z.int().positive().describe('Of the commit in the log.'),
  at: instant,
  kind: z
    .enum(['waiting', 'dispatched', 'started', 'ended', 'requeued', 'dropped'])
    .describe(
      'waiting: from now on they wait for room; ended: with their attempt; requeued: the attempt is over and they wait again; dropped: they will never run.',
    ),
  instances: z
    .string()
    .nullable()
    .describe('Ranges, of what is told of many at once; null where each is told, and of all that wait.'),
  attempts: z.array(changedSchema).readonly(),
});
export type AttemptChange = z.output<typeof attemptChangeSchema>;
type Changed = AttemptChange['attempts'][number];

const date = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());

const nothing: Omit<Changed, 'instance'> = {
  attempt: null,
  node: null,
  startedAt: null,
  endedAt: null,
  outcome: null,
  cause: null,
  exitCode: null,
};

const ended = ({ instance, attempt, node, outcome, cause, exitCode, startedAt, endedAt }: AttemptEnd): Changed => ({
  instance,
  attempt,
  node,
  startedAt: date(startedAt),
  endedAt: date(endedAt),
  outcome,
  cause: cause ?? null,
  exitCode: exitCode ?? null,
});

type Told = Pick<AttemptChange, 'kind'> & Partial<Pick<AttemptChange, 'instances' | 'attempts'>>;

/** What an event tells of attempts; undefined: nothing. */
const toldBy = (event: TaskEvent): Told | undefined => {
  switch (event.type) {
    case 'TaskSubmitted':
      return (event.spec.dependencies ?? []).length === 0
        ? { kind: 'waiting', instances: event.spec.instances }
        : undefined;
    case 'DependenciesFulfilled':
      return { kind: 'waiting' };
    case 'InstancesReleased':
      return { kind: 'waiting', instances: event.instances };
    case 'WaitingInstancesCancelled':
    case 'WaitingInstancesExpired':
      return { kind: 'dropped', instances: event.instances };
    case 'InstancesDispatched':
      return {
        kind: 'dispatched',
        attempts: event.leases.map(({ instance, attempt, node }) => ({ ...nothing, instance, attempt, node })),
      };
    case 'InstancesStarted':
      return {
        kind: 'started',
        attempts: event.leases.map(({ instance, startedAt }) => ({ ...nothing, instance, startedAt: date(startedAt) })),
      };
    case 'InstancesConcluded':
      return { kind: 'ended', attempts: event.attempts.map(ended) };
    case 'InstancesRequeued':
      return { kind: 'requeued', attempts: event.attempts.map(ended) };
    default:
      return undefined;
  }
};

const changesIn = ({ sequence, events }: RecordedCommit<TaskEvent>): readonly AttemptChange[] =>
  events.flatMap((event) => {
    const told = toldBy(event);
    return told === undefined
      ? []
      : [{ sequence, at: new Date(event.at).toISOString(), instances: null, attempts: [], ...told }];
  });

/** Where a page ends although more was asked for: so many instances are told one by one. */
const MOST_TOLD = 20_000;

export interface ChangesPage {
  readonly changes: readonly AttemptChange[];
  /** `after` of the next page; null when there is none yet. */
  readonly next: number | null;
}

/** What the commits of a task tell of the attempts of its instances, in their order; a page holds whole commits, and none more once it is full. */
export const attemptChanges = (commits: readonly RecordedCommit<TaskEvent>[], limit: number): ChangesPage => {
  const changes: AttemptChange[] = [];
  let told = 0;
  for (const [index, commit] of commits.entries()) {
    const found = changesIn(commit);
    changes.push(...found);
    told += found.reduce((sum, { attempts }) => sum + attempts.length, 0);
    if ((index >= limit - 1 || told >= MOST_TOLD) && index < commits.length - 1)
      return { changes, next: commit.sequence };
  }
  return { changes, next: null };
};
