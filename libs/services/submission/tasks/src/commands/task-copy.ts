import type { TaskCreation, TaskRepetition } from '@fornax/contracts';
import {
  formatRanges,
  instanceEndsOf,
  isOver,
  repeatedInstances,
  sizeOf,
  type OriginKind,
  type TaskDependency,
  type TaskOutcome,
  type TaskSpec,
  type TaskState,
} from '@fornax/domain';
import { Invalid } from '@fornax/base';
import { masked } from '../model/secret-constants.js';
import type { Echo } from '../model/task-spec.js';
import { leftDependencies } from './left-dependencies.js';

/** What the instances are called that a finished task's repetition runs again. */
const REPEATED = { retry: 'failed', resume: 'cancelled', recover: 'failed or cancelled' } as const;

/** What was not given stays out, so that it cannot stand in the way of a default. */
const given = <T extends object>(fields: { readonly [K in keyof T]: T[K] | null | undefined }): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined)) as Partial<T>;

/** A certain snapshot was one of its own origin: a copy begins with its latest. */
const oursOf = ({
  maxParallel,
  resumeFromSnapshot,
  snapshotRetention,
  redactOutput,
}: TaskSpec): NonNullable<TaskCreation['fornax']> => ({
  ...(maxParallel === undefined ? {} : { maxParallel }),
  ...(resumeFromSnapshot === undefined ? {} : { resumeFromSnapshot: 'latest' }),
  ...(snapshotRetention === undefined ? {} : { snapshotRetention }),
  ...(redactOutput === undefined ? {} : { redactOutput }),
});

const dependenciesOf = (
  spec: TaskSpec,
  dependencies: readonly TaskDependency[],
): Pick<TaskCreation, 'dependencies' | 'fornax'> => {
  if (dependencies.length === 0) return { fornax: oursOf(spec) };
  const asked = (as: TaskDependency['as']) => dependencies.filter((one) => one.as === as);
  return {
    dependencies: {
      dependsOn: asked('dependsOn').map(({ taskId }) => taskId),
      advancedDependsOn: asked('advancedDependsOn').map(({ taskId, on }) => ({
        taskUuid: taskId,
        taskFinalStateCondition: [...on],
      })),
    },
    fornax: {
      ...oursOf(spec),
      after: asked('after').map(({ taskId, on, each }) => ({
        task: taskId,
        on: on.length > 1 ? 'any' : (on[0] ?? 'any'),
        ...(each === true ? { each } : {}),
      })),
    },
  };
};

/** Where the task ran: a pool, which says of every task in it what else is said here. */
const placeOf = (spec: TaskSpec): Partial<TaskCreation> =>
  spec.poolUuid === undefined
    ? {
        profile: spec.profile,
        ...given({ projectUuid: spec.projectUuid }),
        hardwareConstraints: spec.hardwareConstraints.map((constraint) => ({ ...constraint })),
        schedulingType: spec.plan,
      }
    : { poolUuid: spec.poolUuid };

/** The creation that would make this task again. Secret constants show their mask: only the keeper of the key can copy them. */
export const creationOf = ({ spec, all }: TaskState): TaskCreation => ({
  ...(spec.echo as Echo),
  name: spec.name,
  ...(spec.advancedRanges === null
    ? { instanceCount: sizeOf(all) }
    : { instanceCount: undefined, advancedRanges: spec.advancedRanges }),
  constants: masked(spec.constants),
  ...given({
    resultBucket: spec.resultBucket,
    resultsBucketPrefix: spec.resultsPrefix,
    resultsWhitelist: spec.resultsWhitelist,
    resultsBlacklist: spec.resultsBlacklist,
    snapshotBucket: spec.snapshotBucket,
    snapshotBucketPrefix: spec.snapshotPrefix,
    snapshotWhitelist: spec.snapshotWhitelist,
    snapshotBlacklist: spec.snapshotBlacklist,
    jobUuid: spec.jobId,
  }),
  ...placeOf(spec),
  ...dependenciesOf(spec, spec.dependencies ?? []),
  tags: [...spec.tags],
  labels: { ...spec.labels },
});

/** Without what it waits for. */
const unbound = ({ dependencies: _dependencies, fornax = {}, ...creation }: TaskCreation): TaskCreation => {
  const { after: _after, ...others } = fornax;
  return { ...creation, fornax: others };
};

/** Without its job, too. */
const alone = ({ jobUuid: _job, ...creation }: TaskCreation): TaskCreation => unbound(creation);

/** Fields that say one thing in several ways: when a change names one of them, what the origin says through the others is void. */
const TWINS = [
  ['instanceCount', 'advancedRanges'],
  ['resourceBuckets', 'advancedResourceBuckets'],
  ['resultBucket', 'resultsBucket'],
  ['retrySettings', 'maxRetriesPerInstance'],
  ['schedulingType', 'targetedReservedMachineKey', 'targetedReservationName'],
] as const satisfies readonly (readonly (keyof TaskCreation)[])[];
type Twin = (typeof TWINS)[number][number];

const withChanges = (creation: TaskCreation, changes: TaskRepetition): TaskCreation => {
  const named = given(changes);
  const twins: Twin[] = TWINS.filter((group) => group.some((field) => field in named)).flat();
  // Another table has other instances.
  if (named.fornax?.each !== undefined && !twins.includes('instanceCount'))
    twins.push('instanceCount', 'advancedRanges');
  const voided: Partial<Record<Twin, undefined>> = Object.fromEntries(twins.map((field) => [field, undefined]));
  const fornax = creation.fornax && named.fornax ? { fornax: { ...creation.fornax, ...named.fornax } } : {};
  return { ...creation, ...voided, ...named, ...fornax, name: named.name ?? creation.name };
};

/** Where a copy is to be, and what it may count on there. */
export interface CopyPlace {
  /** Whether it may belong to the job of its origin; a clone then waits for what that waited for. Default: yes. */
  readonly isInItsJob?: boolean;
  /** How tasks ended that its origin waited for; absent: a copy that is no clone waits for nothing. */
  readonly outcomes?: ReadonlyMap<string, TaskOutcome>;
}

/**
 * What a copy of a task asks for: all that the task is, changed by what the request names. Retry, resume and recover keep exactly the
 * instances that did not succeed, by their numbers (contract, section 2.2).
 * @throws Invalid the task is not finished, or has no such instances; or what it waited for did not end as it was to
 */
export const copyOf = (
  state: TaskState,
  kind: OriginKind,
  changes: TaskRepetition,
  { isInItsJob = true, outcomes }: CopyPlace = {},
): TaskCreation => {
  if (kind === 'clone') {
    // A client that fills in every field sends 0 for "not said".
    const { instanceCount, ...others } = changes;
    const whole = creationOf(state);
    return withChanges(isInItsJob ? whole : alone(whole), instanceCount ? changes : others);
  }
  const what = REPEATED[kind];
  if (!isOver(state)) {
    throw new Invalid(`Task ${state.taskId} is not finished: ${kind} needs a task whose instances are all over`, {
      code: 'task-not-over',
    });
  }
  const instances = repeatedInstances(kind, instanceEndsOf(state));
  if (sizeOf(instances) === 0) {
    throw new Invalid(`Task ${state.taskId} has no ${what} instances to ${kind}`, { code: 'nothing-to-repeat' });
  }
  const { instanceCount: _count, advancedRanges: _ranges, ...others } = changes;
  const whole = creationOf(state);
  const rest = isInItsJob ? unbound(whole) : alone(whole);
  const isWhole = sizeOf(instances) === sizeOf(state.all);
  const left = outcomes ? leftDependencies({ state, changes, isInItsJob, isWhole, outcomes }) : [];
  const waiting = { ...rest, ...dependenciesOf(state.spec, left) };
  return withChanges(waiting, { ...others, advancedRanges: formatRanges(instances) });
};
