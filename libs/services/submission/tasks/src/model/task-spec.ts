import type { TaskCreation, WireErrors } from '@fornax/contracts';
import {
  askedDiskMB,
  askedDiskProblem,
  clusterProblem,
  constantProblem,
  limitProblem,
  formatRanges,
  parseRanges,
  profileOf,
  rangesOf,
  requestWithin,
  type HardwareConstraint,
  type ResourceBucket,
  type ResourceRequest,
  type TaskOrigin,
  type TaskSpec,
} from '@fornax/domain';
import { askedResume } from './asked-resume.js';
import { askedSecretRights, secretRightsProblem } from './asked-secrets.js';
import { askedPin, type PinSource } from './asked-pin.js';
import { inputProblem } from './input-problem.js';
import { askedTable, instancesOfTable } from '../tables/asked-table.js';
import { longestOf, type ParameterTable } from '../tables/parameter-table.js';
import { objectOf } from '../tables/table-object.js';
import { lifetimeOf } from '../commands/task-lifetime.js';
import type { ProfileAnswer } from '@fornax/profiles';
import type { PoolOfTask } from './pools-of-tasks.js';
import { masked, unsealed, type ClearConstant, type OpenConstants } from './secret-constants.js';

/** Most instances of one task. */
const MAX_INSTANCES = 100_000;
/** Stands for "no limit" where only the other of the two retry settings was given. */
const UNLIMITED_RETRIES = 2_147_483_647;

export interface SpecContext {
  readonly taskId: string;
  readonly profileOf: (name: string) => ProfileAnswer;
  /** The project of this id, or the default one; undefined when the account may not use it. */
  readonly projectOf: (projectUuid: string | undefined) => { readonly id: string } | undefined;
  readonly defaultRequest: ResourceRequest;
  /** Most room for files that an instance may ask for, in megabytes; 0: as much as some node has. */
  readonly mostDiskMB: number;
  /** The pool that it is to run in, if any. */
  readonly pool?: PoolOfTask;
  /** The task that this one is made from, if any. */
  readonly origin?: TaskOrigin;
  /** The table of that task, if it has one. */
  readonly table?: ParameterTable;
  /** The inputs and the image of that task, where the copy is to have the same. */
  readonly pinSource?: PinSource;
}

/** A specification, and the table of parameters that it names by its digest. */
export interface UnsealedSpec {
  /** Its secret constants are masked. */
  readonly spec: TaskSpec;
  readonly table?: ParameterTable;
}

/** With its constants, which are sealed into the specification once the task's id is certain. */
export interface CheckedSpec extends UnsealedSpec {
  readonly open: OpenConstants;
}

type FoundProfile = Extract<ProfileAnswer, { profile: unknown }>;

type Result = UnsealedSpec | { readonly errors: WireErrors };

/** A validation error of one field. */
const wrong = (field: string, text: string): { readonly errors: WireErrors } => ({ errors: { [field]: [text] } });

/** Empty text is a client's way to say nothing. */
const given = (text: string | undefined): string | null => (text === undefined || text === '' ? null : text);

/**
 * What a creation asks for, checked against the platform: profile, instances, buckets, plan. Pure.
 * A field that does not fit is named, as validation problems name it.
 */
export const toSpec = (asked: TaskCreation, context: SpecContext): Result => {
  const { pool } = context;
  const misplaced = inPoolProblem(asked, pool);
  if (misplaced) return misplaced;
  const creation = pool ? withPool(asked, pool) : asked;
  const problem = planProblem(creation) ?? bucketProblem(creation) ?? secretRightsProblem(creation);
  if (problem) return problem;
  if (given(creation.profile) === null) return wrong('profile', 'A task needs a profile.');
  const found = pool ? profileOfPool(pool) : context.profileOf(creation.profile ?? '');
  if ('refusal' in found) return wrong('profile', found.refusal);
  const misfit = constantProblem(found.profile, creation.constants ?? [], creation.forcedConstants);
  if (misfit) return wrong(misfit.field, misfit.text);
  const table = askedTable(creation, context.table, found.profile);
  if (table && 'errors' in table) return table;
  const instances = instancesOf(creation, table);
  if ('errors' in instances) return instances;
  const tooMany = clusterProblem(found.profile, instances.count);
  if (tooMany !== undefined) return wrong('instanceCount', tooMany);
  const project = context.projectOf(pool?.spec.projectUuid ?? creation.projectUuid);
  if (!project && pool)
    return wrong('poolUuid', `The project of the pool takes no more tasks: ${pool.spec.projectUuid}`);
  if (!project) return wrong('projectUuid', `No such project, or it is archived: ${creation.projectUuid}`);
  const ownSpec = specOf(creation, found, instances.text, context);
  const beyond = pool ? undefined : limitProblem(ownSpec.request, found.profile);
  if (beyond !== undefined) return wrong('hardwareConstraints', beyond);
  const spec = withDisk({
    ...ownSpec,
    ...(pool ? roomOf(pool, creation) : {}),
    projectUuid: project.id,
    ...(table ? { table: objectOf(table).about } : {}),
  });
  const pin = askedPin(creation, spec, context.pinSource);
  if (pin && 'errors' in pin) return pin;
  const resume = askedResume(creation, context.origin);
  if ('errors' in resume) return resume;
  const tooMuch = askedDiskProblem({ ...spec, constants: creation.constants ?? [] }, context.mostDiskMB);
  if (tooMuch) return wrong(tooMuch.field, tooMuch.text);
  const tooLong = inputProblem(spec, table && longestOf(table));
  if (tooLong) return wrong(tooLong.field, tooLong.text);
  const kept = creation.fornax?.snapshotRetention;
  const retention = kept === undefined ? {} : { snapshotRetention: kept };
  const image = creation.fornax?.pinned === true ? context.pinSource?.image : undefined;
  const pins = { ...(pin ? { pin } : {}), ...(image === undefined ? {} : { pinnedImage: image }) };
  return { spec: { ...spec, ...resume, ...retention, ...pins }, ...(table ? { table } : {}) };
};

/** Only a task that asks for room has some promised: an instance needs little of what it may have, as a rule. */
const withDisk = (spec: TaskSpec): TaskSpec => {
  // In a slot it has the slot's room.
  if (spec.poolUuid !== undefined) return spec;
  const diskMB = askedDiskMB(spec);
  return diskMB > 0 ? { ...spec, request: { ...spec.request, diskMB } } : spec;
};

const specOf = (
  creation: TaskCreation,
  { profile, published }: FoundProfile,
  instances: string,
  context: SpecContext,
): TaskSpec => {
  const hardwareConstraints = creation.hardwareConstraints ?? [];
  return {
    name: creation.name,
    shortname: given(creation.shortname) ?? context.taskId,
    profile: profile.name,
    profileVersion: profile.version,
    ...(published === undefined ? {} : { publishedProfile: published }),
    instances,
    advancedRanges: given(creation.advancedRanges),
    constants: unsealed(creation.constants),
    ...(context.pool ? ofPool(context.pool) : askedSecretRights(creation)),
    resources: resourcesOf(creation),
    resultBucket: given(creation.resultBucket) ?? given(creation.resultsBucket),
    resultsPrefix: given(creation.resultsBucketPrefix),
    resultsWhitelist: given(creation.resultsWhitelist),
    resultsBlacklist: given(creation.resultsBlacklist),
    uploadResultsOnCancellation: creation.uploadResultsOnCancellation ?? false,
    snapshotBucket: given(creation.snapshotBucket),
    snapshotPrefix: given(creation.snapshotBucketPrefix),
    snapshotWhitelist: given(creation.snapshotWhitelist),
    snapshotBlacklist: given(creation.snapshotBlacklist),
    request: requestOf(hardwareConstraints, requestWithin(context.defaultRequest, profile)),
    hardwareConstraints,
    plan: creation.schedulingType ?? 'flex',
    ...retriesOf(creation),
    tags: creation.tags ?? [],
    labels: creation.labels ?? {},
    ...(creation.fornax?.redactOutput === false ? { redactOutput: false } : {}),
    ...(creation.fornax?.maxParallel === undefined ? {} : { maxParallel: creation.fornax.maxParallel }),
    ...lifetimeOf(creation),
    ...(context.origin ? { origin: context.origin } : {}),
    echo: echoOf(creation),
  };
};

/** What a task of a pool has from its pool, and may not say itself (contract, section 4.11). A pool that is not there is 400, not 404 (5.18). */
const inPoolProblem = (creation: TaskCreation, pool: PoolOfTask | undefined) => {
  const { poolUuid, profile, hardwareConstraints = [], secretsAccessRights: rights, projectUuid } = creation;
  if (poolUuid === undefined) return undefined;
  if (!pool) return wrong('poolUuid', `No such pool: ${poolUuid}`);
  if (!pool.isOpen) return wrong('poolUuid', `The pool ${poolUuid} is closed: it takes no new tasks.`);
  if (given(profile) !== null && profile !== pool.spec.profile)
    return wrong('profile', 'A task in a pool has the profile of its pool: leave it out.');
  if (hardwareConstraints.length > 0)
    return wrong('hardwareConstraints', 'A task in a pool runs on the nodes of its pool: leave them out.');
  if ((rights?.bySecret ?? []).length + (rights?.byPrefix ?? []).length > 0)
    return wrong('secretsAccessRights', 'A task in a pool has the rights of its pool: leave them out.');
  return projectUuid !== undefined && projectUuid !== pool.spec.projectUuid
    ? wrong('projectUuid', 'A task in a pool belongs to the project of its pool: leave it out.')
    : undefined;
};

/** A task in a pool may read what its pool may. */
const ofPool = ({ spec: { secretRights } }: PoolOfTask): Pick<TaskSpec, 'secretRights'> =>
  secretRights === undefined ? {} : { secretRights };

/** Constants of a task as it is asked for, those of its pool among them: its own come before the pool's, whose secrets are masked. */
export const constantsIn = (
  { constants: own = [] }: TaskCreation,
  pool: PoolOfTask | undefined,
): readonly ClearConstant[] => {
  const names = new Set(own.map(({ key }) => key));
  return [...masked(pool?.spec.constants ?? []).filter(({ key }) => !names.has(key)), ...own];
};

/** The creation with what the pool says of every task in it. */
const withPool = (creation: TaskCreation, pool: PoolOfTask): TaskCreation => ({
  ...creation,
  profile: pool.spec.profile,
  schedulingType: pool.spec.plan,
  constants: [...constantsIn(creation, pool)],
});

const profileOfPool = ({ spec }: PoolOfTask): ProfileAnswer => {
  const profile = profileOf(spec);
  const { publishedProfile: published } = spec;
  return profile
    ? { profile, ...(published === undefined ? {} : { published }) }
    : { refusal: `The profile ${spec.profile} of the pool is not known any more.` };
};

const roomOf = ({ poolId, spec }: PoolOfTask, creation: TaskCreation): Partial<TaskSpec> => ({
  poolUuid: poolId,
  profileVersion: spec.profileVersion,
  request: spec.request,
  ...((creation.waitForPoolResourcesSynchronization ?? spec.tasksWaitForResources)
    ? { waitsForPoolResources: true }
    : {}),
});

const planProblem = (creation: TaskCreation) => {
  if (creation.schedulingType === 'reserved') return undefined;
  if (given(creation.targetedReservedMachineKey) !== null) {
    return wrong(
      'targetedReservedMachineKey',
      'A reserved machine can only be chosen with the scheduling type reserved.',
    );
  }
  if (given(creation.targetedReservationName) !== null) {
    return wrong('targetedReservationName', 'A reservation can only be chosen with the scheduling type reserved.');
  }
  return undefined;
};

const bucketProblem = (creation: TaskCreation) => {
  const plain = creation.resourceBuckets ?? [];
  const advanced = creation.advancedResourceBuckets ?? [];
  if (plain.length === 0 || advanced.length === 0) return undefined;
  const named = new Set(advanced.map(({ bucketName }) => bucketName));
  return plain.every((bucket) => named.has(bucket))
    ? undefined
    : wrong('resourceBuckets', 'Give resourceBuckets or advancedResourceBuckets, not both.');
};

const instancesOf = (
  creation: TaskCreation,
  table: ParameterTable | undefined,
): { readonly text: string; readonly count: number } | { readonly errors: WireErrors } => {
  const asked = given(creation.advancedRanges);
  const byTable = table && instancesOfTable(table, creation, asked);
  if (byTable && 'errors' in byTable) return byTable;
  const ranges = byTable?.ranges ?? asked;
  if (ranges !== null) {
    const parsed = parseRanges(ranges);
    if ('rejection' in parsed) return wrong('advancedRanges', `Malformed ranges: ${parsed.rejection.detail}.`);
    if (parsed.ranges.size > MAX_INSTANCES)
      return wrong('advancedRanges', `A task has at most ${MAX_INSTANCES} instances.`);
    return { text: formatRanges(parsed.ranges), count: parsed.ranges.size };
  }
  const count = creation.instanceCount;
  if (count === undefined) return wrong('instanceCount', 'Give instanceCount or advancedRanges.');
  if (count <= 0) return wrong('instanceCount', 'A task has at least one instance.');
  if (count > MAX_INSTANCES) return wrong('instanceCount', `A task has at most ${MAX_INSTANCES} instances.`);
  return { text: formatRanges(rangesOf(count)), count };
};

/** A bucket's own time in the caches of nodes comes before that of all of the task (contract, section 4.6). */
export const resourcesOf = (
  creation: Pick<TaskCreation, 'resourceBuckets' | 'advancedResourceBuckets' | 'defaultResourcesCacheTTLSec'>,
): readonly ResourceBucket[] => {
  const { advancedResourceBuckets: advanced = [], defaultResourcesCacheTTLSec: byDefault } = creation;
  const keptFor = (seconds = byDefault) => (seconds === undefined ? {} : { cacheTtlSeconds: seconds });
  if (advanced.length === 0) return (creation.resourceBuckets ?? []).map((bucket) => ({ bucket, ...keptFor() }));
  return advanced.map(({ bucketName, filtering, resourcesTransformation, cacheTTLSec }) => {
    const prefix = given(filtering?.prefixFiltering?.prefix);
    const stripPrefix = given(resourcesTransformation?.stripPrefix?.prefix);
    return {
      bucket: bucketName,
      ...(prefix === null ? {} : { prefix }),
      ...(stripPrefix === null ? {} : { stripPrefix }),
      ...keptFor(cacheTTLSec),
    };
  });
};

/**
 * Minimum constraints are also what an instance occupies, and its limit: who asks for four cores means to use them. So is a minimum of memory
 * for each core, times the cores that the instance has.
 */
export const requestOf = (constraints: readonly HardwareConstraint[], fallback: ResourceRequest): ResourceRequest => {
  let { cores, memoryMB } = fallback;
  let gigabytesPerCore = 0;
  for (const constraint of constraints) {
    if (constraint.discriminator === 'MinimumCoreHardwareConstraint') cores = Math.max(cores, constraint.coreCount);
    if (constraint.discriminator === 'MinimumRamHardwareConstraint')
      memoryMB = Math.max(memoryMB, Math.ceil(constraint.minimumMemoryMB));
    if (constraint.discriminator === 'MinimumRamCoreRatioHardwareConstraint')
      gigabytesPerCore = Math.max(gigabytesPerCore, constraint.minimumMemoryGBCoreRatio);
  }
  return { cores, memoryMB: Math.max(memoryMB, Math.floor(gigabytesPerCore * 1_024 * cores)) };
};

/** Null and 0 mean none; when both are set the more restrictive one decides (contract, section 3.12). */
const retriesOf = (creation: TaskCreation): Pick<TaskSpec, 'maxRetriesPerInstance' | 'maxTotalRetries'> => {
  const perInstance = creation.retrySettings?.maxPerInstanceRetries || creation.maxRetriesPerInstance || 0;
  const total = creation.retrySettings?.maxTotalRetries || 0;
  return {
    maxRetriesPerInstance: perInstance || (total > 0 ? UNLIMITED_RETRIES : 0),
    maxTotalRetries: total || (perInstance > 0 ? UNLIMITED_RETRIES : 0),
  };
};

/** What the answer repeats as it came in and the rest of the platform does not act on. */
const ECHOED = [
  'instanceCount',
  'resourceBuckets',
  'advancedResourceBuckets',
  'resultsCacheTTLSec',
  'maxRetriesPerInstance',
  'retrySettings',
  'uploadResultsOnCancellation',
  'forcedConstants',
  'constraints',
  'secretsAccessRights',
  'autoDeleteOnCompletion',
  'completionTimeToLive',
  'maxTimeQueueSeconds',
  'waitForPoolResourcesSynchronization',
  'defaultResourcesCacheTTLSec',
  'targetedReservedMachineKey',
  'targetedReservationName',
  'privileges',
  'forcedNetworkRules',
] as const satisfies readonly (keyof TaskCreation)[];
export type Echo = Pick<TaskCreation, (typeof ECHOED)[number]>;

const isWorthEchoing = (value: unknown): boolean =>
  value !== undefined && !(Array.isArray(value) && value.length === 0);

const echoOf = (creation: TaskCreation): Readonly<Record<string, unknown>> =>
  Object.fromEntries(ECHOED.flatMap((field) => (isWorthEchoing(creation[field]) ? [[field, creation[field]]] : [])));
