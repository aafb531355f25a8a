import type { TaskCreation, WireErrors } from '@fornax/contracts';
import {
  askedDiskMB,
  askedDiskProblem,
  constantProblem,
  formatRanges,
  parseRanges,
  rangesOf,
  type HardwareConstraint,
  type Profile,
  type ResourceBucket,
  type ResourceRequest,
  type TaskConstant,
  type TaskOrigin,
  type TaskSpec,
} from '@fornax/domain';
import { askedPin, type PinSource } from './asked-pin.js';
import { inputProblem } from './input-problem.js';
import { askedTable, instancesOfTable } from '../tables/asked-table.js';
import { longestOf, type ParameterTable } from '../tables/parameter-table.js';
import { objectOf } from '../tables/table-object.js';
import { lifetimeOf } from '../commands/task-lifetime.js';
import type { ProfileAnswer } from '@fornax/profiles';

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
  /** The task that this one is made from, if any. */
  readonly origin?: TaskOrigin;
  /** The table of that task, if it has one. */
  readonly table?: ParameterTable;
  /** The inputs of that task, where the copy is to have the same. */
  readonly pinSource?: PinSource;
  /** Seals what must not be read in the log. */
  readonly sealConstants: (constants: readonly { readonly key: string; readonly value: string }[]) => {
    readonly constants: readonly TaskConstant[];
    readonly wrappedKey?: string;
  };
}

/** A specification, and the table of parameters that it names by its digest. */
export interface CheckedSpec {
  readonly spec: TaskSpec;
  readonly table?: ParameterTable;
}

type Result = CheckedSpec | { readonly errors: WireErrors };

/** A validation error of one field. */
const wrong = (field: string, text: string): { readonly errors: WireErrors } => ({ errors: { [field]: [text] } });

/** Empty text is a client's way to say nothing. */
const given = (text: string | undefined): string | null => (text === undefined || text === '' ? null : text);

/**
 * What a creation asks for, checked against the platform: profile, instances, buckets, plan. Pure but for the sealing.
 * A field that does not fit is named, as validation problems name it.
 */
export const toSpec = (creation: TaskCreation, context: SpecContext): Result => {
  const problem = placeProblem(creation) ?? planProblem(creation) ?? bucketProblem(creation);
  if (problem) return problem;
  if (given(creation.profile) === null) return wrong('profile', 'A task needs a profile.');
  const found = context.profileOf(creation.profile ?? '');
  if ('refusal' in found) return wrong('profile', found.refusal);
  const misfit = constantProblem(found.profile, creation.constants ?? [], creation.forcedConstants);
  if (misfit) return wrong(misfit.field, misfit.text);
  const table = askedTable(creation, context.table, found.profile);
  if (table && 'errors' in table) return table;
  const instances = instancesOf(creation, table);
  if ('errors' in instances) return instances;
  const project = context.projectOf(creation.projectUuid);
  if (!project) return wrong('projectUuid', `No such project, or it is archived: ${creation.projectUuid}`);
  const spec = withDisk({
    ...specOf(creation, found.profile, instances.text, context),
    projectUuid: project.id,
    ...(table ? { table: objectOf(table).about } : {}),
  });
  const pin = askedPin(creation, spec, context.pinSource);
  if (pin && 'errors' in pin) return pin;
  const tooMuch = askedDiskProblem({ ...spec, constants: creation.constants ?? [] }, context.mostDiskMB);
  if (tooMuch) return wrong(tooMuch.field, tooMuch.text);
  const tooLong = inputProblem(spec, table && longestOf(table));
  if (tooLong) return wrong(tooLong.field, tooLong.text);
  return { spec: pin ? { ...spec, pin } : spec, ...(table ? { table } : {}) };
};

/** Only a task that asks for room has some promised: an instance needs little of what it may have, as a rule. */
const withDisk = (spec: TaskSpec): TaskSpec => {
  const diskMB = askedDiskMB(spec);
  return diskMB > 0 ? { ...spec, request: { ...spec.request, diskMB } } : spec;
};

const specOf = (creation: TaskCreation, profile: Profile, instances: string, context: SpecContext): TaskSpec => {
  const hardwareConstraints = creation.hardwareConstraints ?? [];
  return {
    name: creation.name,
    shortname: given(creation.shortname) ?? context.taskId,
    profile: profile.name,
    profileVersion: profile.version,
    instances,
    advancedRanges: given(creation.advancedRanges),
    ...context.sealConstants(creation.constants ?? []),
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
    request: requestOf(hardwareConstraints, context.defaultRequest),
    hardwareConstraints,
    plan: creation.schedulingType ?? 'flex',
    ...retriesOf(creation),
    tags: creation.tags ?? [],
    labels: creation.labels ?? {},
    ...lifetimeOf(creation),
    ...(context.origin ? { origin: context.origin } : {}),
    echo: echoOf(creation),
  };
};

/** Pools are known to nobody yet: naming one is naming one that does not exist (400, contract 5.18). */
const placeProblem = ({ poolUuid }: TaskCreation) =>
  poolUuid === undefined ? undefined : wrong('poolUuid', `No such pool: ${poolUuid}`);

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
): { readonly text: string } | { readonly errors: WireErrors } => {
  const asked = given(creation.advancedRanges);
  const byTable = table && instancesOfTable(table, creation, asked);
  if (byTable && 'errors' in byTable) return byTable;
  const ranges = byTable?.ranges ?? asked;
  if (ranges !== null) {
    const parsed = parseRanges(ranges);
    if ('rejection' in parsed) return wrong('advancedRanges', `Malformed ranges: ${parsed.rejection.detail}.`);
    if (parsed.ranges.size > MAX_INSTANCES)
      return wrong('advancedRanges', `A task has at most ${MAX_INSTANCES} instances.`);
    return { text: formatRanges(parsed.ranges) };
  }
  const count = creation.instanceCount;
  if (count === undefined) return wrong('instanceCount', 'Give instanceCount or advancedRanges.');
  if (count <= 0) return wrong('instanceCount', 'A task has at least one instance.');
  if (count > MAX_INSTANCES) return wrong('instanceCount', `A task has at most ${MAX_INSTANCES} instances.`);
  return { text: formatRanges(rangesOf(count)) };
};

/** A bucket's own time in the caches of nodes comes before that of all of the task (contract, section 4.6). */
const resourcesOf = (creation: TaskCreation): readonly ResourceBucket[] => {
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
const requestOf = (constraints: readonly HardwareConstraint[], fallback: ResourceRequest): ResourceRequest => {
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
