import { echoOfScaling, readScaling, type PoolCreation, type WireErrors } from '@fornax/contracts';
import {
  constantProblem,
  limitProblem,
  requestWithin,
  type PoolSize,
  type PoolSpec,
  type Profile,
  type ResourceRequest,
} from '@fornax/domain';
import type { ProfileAnswer } from '@fornax/profiles';
import { askedSecretRights, lifetimeOf, requestOf, resourcesOf, secretRightsProblem, unsealed } from '@fornax/tasks';

/** Most nodes that a pool may ask for. */
const MAX_NODES = 100_000;

export interface PoolSpecContext {
  readonly poolId: string;
  readonly profileOf: (name: string) => ProfileAnswer;
  /** The project of this id, or the default one; undefined when the account may not use it. */
  readonly projectOf: (projectUuid: string | undefined) => { readonly id: string } | undefined;
  readonly defaultRequest: ResourceRequest;
}

type FoundProfile = Extract<ProfileAnswer, { profile: unknown }>;

/** What a profile always runs is not replaced by what somebody else prepares. */
const hasFixedCommand = ({ run, constants }: Profile): boolean =>
  constants.some(({ name, isReadOnly }) => name === run.constant && isReadOnly === true);

type Result<T> = T | { readonly errors: WireErrors };

const wrong = (field: string, text: string): { readonly errors: WireErrors } => ({ errors: { [field]: [text] } });
/** Empty text is a client's way to say nothing. */
const given = (text: string | undefined): string | null => (text === undefined || text === '' ? null : text);

/** What a size is, and how it was said. */
export type AskedSize = Pick<PoolSpec, 'size' | 'scaling' | 'elasticProperty'>;

/** The policies of a scaling as it was sent. Errors are named below `at`, if anything. */
export const policiesOf = (scaling: unknown, at = ''): Result<Pick<AskedSize, 'size' | 'scaling'>> => {
  const read = readScaling(scaling);
  const below = (path: string): string => [at, path].filter((part) => part !== '').join('.');
  if (!read.ok) return { errors: Object.fromEntries(Object.entries(read.errors).map(([k, v]) => [below(k), v])) };
  const { policies } = read.value;
  if (policies.length === 0) return wrong(below('policies'), 'A scaling has at least one policy.');
  return { size: { type: 'policies', policies }, scaling: JSON.stringify(echoOfScaling(scaling)) };
};

type SizeInput = Pick<PoolCreation, 'scaling' | 'elasticProperty'> & Partial<Pick<PoolCreation, 'instanceCount'>>;

/** Policies come before an elastic size, and that before a number of nodes (contract, 5.16). */
export const sizeOf = ({ scaling, elasticProperty, instanceCount }: SizeInput): Result<AskedSize> => {
  const { size: elastic, ...echoed } = elasticProperty ?? { size: null };
  const asSent = elasticProperty === undefined ? null : JSON.stringify(echoed);
  if (scaling !== undefined && scaling !== null) {
    const policies = policiesOf(scaling, 'scaling');
    return 'errors' in policies ? policies : { ...policies, elasticProperty: asSent };
  }
  if (elastic) return { size: { type: 'elastic', ...elastic }, scaling: null, elasticProperty: asSent };
  if (instanceCount === undefined || instanceCount < 1)
    return wrong('instanceCount', 'A pool has at least one node, an elastic size, or a scaling.');
  if (instanceCount > MAX_NODES) return wrong('instanceCount', `A pool has at most ${MAX_NODES} nodes.`);
  const size: PoolSize = { type: 'fixed', nodes: instanceCount };
  return { size, scaling: null, elasticProperty: asSent };
};

const planProblem = ({ schedulingType, targetedReservedMachineKey, targetedReservationName }: PoolCreation) => {
  if (schedulingType === 'reserved') return undefined;
  const text = 'It can only be chosen with the scheduling type reserved.';
  if (given(targetedReservedMachineKey) !== null) return wrong('targetedReservedMachineKey', text);
  return given(targetedReservationName) === null ? undefined : wrong('targetedReservationName', text);
};

const bucketProblem = ({ resourceBuckets: plain = [], advancedResourceBuckets: advanced = [] }: PoolCreation) => {
  const named = new Set(advanced.map(({ bucketName }) => bucketName));
  return plain.length === 0 || advanced.length === 0 || plain.every((bucket) => named.has(bucket))
    ? undefined
    : wrong('resourceBuckets', 'Give resourceBuckets or advancedResourceBuckets, not both.');
};

/** What a creation asks for, checked against the platform. Pure. A field that does not fit is named. */
export const toPoolSpec = (creation: PoolCreation, context: PoolSpecContext): Result<{ readonly spec: PoolSpec }> => {
  const problem = planProblem(creation) ?? bucketProblem(creation) ?? secretRightsProblem(creation);
  if (problem) return problem;
  if (given(creation.profile) === null) return wrong('profile', 'A pool needs a profile.');
  const found = context.profileOf(creation.profile ?? '');
  if ('refusal' in found) return wrong('profile', found.refusal);
  const misfit = constantProblem(found.profile, creation.constants ?? [], creation.forcedConstants);
  if (misfit) return wrong(misfit.field, misfit.text);
  const asked = sizeOf(creation);
  if ('errors' in asked) return asked;
  const preparation = given(creation.preparationTask?.commandLine);
  if (preparation !== null && hasFixedCommand(found.profile))
    return wrong('preparationTask', `The profile ${found.profile.name} runs no command of its user.`);
  const ownSpec = specOf(creation, found, context);
  const beyond = limitProblem(ownSpec.request, found.profile);
  if (beyond !== undefined) return wrong('hardwareConstraints', beyond);
  const project = context.projectOf(creation.projectUuid);
  if (!project) return wrong('projectUuid', `No such project, or it is archived: ${creation.projectUuid}`);
  return { spec: { ...ownSpec, ...asked, preparation, projectUuid: project.id } };
};

const specOf = (
  creation: PoolCreation,
  { profile, published }: FoundProfile,
  context: PoolSpecContext,
): Omit<PoolSpec, keyof AskedSize | 'preparation' | 'projectUuid'> => {
  const hardwareConstraints = creation.hardwareConstraints ?? [];
  return {
    name: creation.name,
    shortname: given(creation.shortname) ?? context.poolId,
    profile: profile.name,
    profileVersion: profile.version,
    ...(published === undefined ? {} : { publishedProfile: published }),
    constants: unsealed(creation.constants),
    ...askedSecretRights(creation),
    resources: resourcesOf(creation),
    request: requestOf(hardwareConstraints, requestWithin(context.defaultRequest, profile)),
    hardwareConstraints,
    plan: creation.schedulingType ?? 'flex',
    tags: creation.tags ?? [],
    labels: creation.labels ?? {},
    ...lifetimeOf(creation),
    slotsPerNode: Math.max(1, creation.multiSlotsSettings?.slotsPerNode ?? 1),
    tasksWaitForResources: creation.taskDefaultWaitForPoolResourcesSynchronization ?? false,
    instanceCount: creation.instanceCount ?? 0,
    echo: echoOf(creation),
  };
};

/** What the answer repeats as it came in and the rest of the platform does not act on. */
const ECHOED = [
  'resourceBuckets',
  'advancedResourceBuckets',
  'forcedConstants',
  'constraints',
  'secretsAccessRights',
  'autoDeleteOnCompletion',
  'completionTimeToLive',
  'maxTimeQueueSeconds',
  'defaultResourcesCacheTTLSec',
  'targetedReservedMachineKey',
  'targetedReservationName',
  'privileges',
  'defaultRetrySettings',
  'multiSlotsSettings',
  'forcedNetworkRules',
] as const satisfies readonly (keyof PoolCreation)[];
export type PoolEcho = Pick<PoolCreation, (typeof ECHOED)[number]>;

const echoOf = (creation: PoolCreation): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    ECHOED.flatMap((field) => {
      const value = creation[field];
      return value === undefined || (Array.isArray(value) && value.length === 0) ? [] : [[field, value]];
    }),
  );
