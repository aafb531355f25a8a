import type {
  QuotaChange,
  StorageQuotaChange,
  WireOrganization,
  WireOwnedProject,
  WireUser,
  WireUserInfo,
} from '@fornax/client';
import { type Command, InvalidArgumentError } from 'commander';
import { UsageError } from '../session/connection.js';
import type { Io } from '../terminal/io.js';
import { clientOf, withReason, type ReasonOptions } from './others.js';

const ceilingOf = (text: string): number => {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
};

/** A ceiling on storage, or none. */
type StorageCeiling = number | 'none';
const storageCeilingOf = (text: string): StorageCeiling => (text === 'none' ? text : ceilingOf(text));

const limits = ({
  quotas,
}: WireUser | WireOrganization | WireOwnedProject): readonly (readonly (string | number)[])[] => [
  ['QUOTA', 'LIMIT'],
  ...('maxTasks' in quotas
    ? [
        ['tasks', quotas.maxTasks],
        ['jobs', quotas.maxJobs],
        ['pools', quotas.maxPools],
        ['running pools', quotas.maxRunningPools],
      ]
    : []),
  ['buckets', quotas.maxBuckets ?? 'none'],
  ['storage bytes', quotas.maxStorageBytes ?? 'none'],
  ['objects', quotas.maxObjects ?? 'none'],
  ...('flex' in quotas ? computingLimits(quotas) : []),
];

const computingLimits = (quotas: WireOrganization['quotas'] | WireUser['quotas']) => [
  ['instances', quotas.maxInstances],
  ['cores', quotas.maxCores],
  ['flex instances', quotas.flex.maxInstances],
  ['flex cores', quotas.flex.maxCores],
  ['on-demand instances', quotas.onDemand.maxInstances],
  ['on-demand cores', quotas.onDemand.maxCores],
];

const usage = (info: WireUserInfo): readonly (readonly (string | number)[])[] => [
  ['QUOTA', 'USED', 'LIMIT'],
  ['tasks', info.taskCount, info.maxTask],
  ['jobs', info.jobCount, info.maxJob],
  ['pools', info.poolCount, info.maxPool],
  ['running pools', info.runningPoolCount, info.maxRunningPool],
  ['buckets', info.bucketCount, info.maxBucket],
  ['storage bytes', info.usedQuotaBytes, info.quotaBytes],
  ...(info.fornax === undefined ? [] : [['objects', info.fornax.objectCount, info.fornax.maxObjects ?? 'none']]),
  ['instances', info.runningInstanceCount, info.maxInstances],
  ['cores', info.runningCoreCount, info.maxCores],
  ['flex instances', info.runningFlexInstanceCount, info.maxFlexInstances],
  ['flex cores', info.runningFlexCoreCount, info.maxFlexCores],
  ['on-demand instances', info.runningOnDemandInstanceCount, info.maxOnDemandInstances],
  ['on-demand cores', info.runningOnDemandCoreCount, info.maxOnDemandCores],
];

interface OfOptions {
  readonly organization?: string;
  readonly project?: string;
}

const show = async (io: Io, user: string | undefined, { organization, project }: OfOptions): Promise<void> => {
  const client = io.client();
  if (organization !== undefined) io.table(limits(await client.people.organization(organization)));
  else if (project !== undefined) io.table(limits(await client.people.project(project)));
  else if (user !== undefined) io.table(limits(await client.people.user(user)));
  else io.table(usage(await client.info()));
};

interface SetOptions extends OfOptions, ReasonOptions {
  readonly tasks?: number;
  readonly jobs?: number;
  readonly pools?: number;
  readonly runningPools?: number;
  readonly buckets?: StorageCeiling;
  readonly storageBytes?: StorageCeiling;
  readonly objects?: StorageCeiling;
  readonly instances?: number;
  readonly cores?: number;
  readonly flexInstances?: number;
  readonly flexCores?: number;
  readonly onDemandInstances?: number;
  readonly onDemandCores?: number;
}

/** Only what was given. */
const given = <T extends object>(fields: { readonly [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;

const changeOf = (options: SetOptions): QuotaChange => {
  const flex = given({ maxInstances: options.flexInstances, maxCores: options.flexCores });
  const onDemand = given({ maxInstances: options.onDemandInstances, maxCores: options.onDemandCores });
  return given<QuotaChange>({
    maxTasks: options.tasks,
    maxJobs: options.jobs,
    maxPools: options.pools,
    maxRunningPools: options.runningPools,
    maxBuckets: options.buckets,
    maxStorageBytes: options.storageBytes,
    maxObjects: options.objects,
    maxInstances: options.instances,
    maxCores: options.cores,
    flex: Object.keys(flex).length > 0 ? flex : undefined,
    onDemand: Object.keys(onDemand).length > 0 ? onDemand : undefined,
  });
};

/** @throws UsageError projects run nothing of their own */
const storageChange = ({ maxBuckets, maxStorageBytes, maxObjects, ...others }: QuotaChange): StorageQuotaChange => {
  if (Object.keys(others).length > 0)
    throw new UsageError('A project has quotas of --buckets, --storage-bytes and --objects only.');
  return given<StorageQuotaChange>({ maxBuckets, maxStorageBytes, maxObjects });
};

/** @throws UsageError nobody was named, or nothing is to change */
const set = async (io: Io, user: string | undefined, options: SetOptions): Promise<void> => {
  const quotas = changeOf(options);
  const { organization, project } = options;
  if (Object.keys(quotas).length === 0) throw new UsageError('Say what to change, for example --cores 16.');
  if ([user, organization, project].filter((name) => name !== undefined).length !== 1)
    throw new UsageError('Name a user, an --organization or a --project, and one of them only.');
  const { people } = clientOf(io, options);
  const change = async (): Promise<WireUser | WireOrganization | WireOwnedProject> => {
    if (organization !== undefined) return people.changeOrganization(organization, quotas);
    if (user !== undefined) return people.changeUser(user, { quotas });
    return people.changeProject(project ?? '', { quotas: storageChange(quotas) }, false);
  };
  io.table(limits(await change()));
};

export const addQuotaCommands = (program: Command, io: Io): void => {
  const quota = program.command('quota').description('how much may be held and run at once');
  quota
    .command('show [user]')
    .description('yours with what you use, or the limits of somebody else (operators)')
    .option('--organization <name>', 'the limits of an organization (operators)')
    .option('--project <id>', 'the limits of a project (operators)')
    .action((user: string | undefined, options: OfOptions) => show(io, user, options));
  withReason(quota.command('set [user]').description('change limits; what is not named stays (operators)'))
    .option('--organization <name>', 'what all members of an organization may run and store together')
    .option('--project <id>', 'what all buckets of a project may hold together')
    .option('--tasks <count>', 'tasks, finished ones too', ceilingOf)
    .option('--jobs <count>', 'jobs, finished ones too', ceilingOf)
    .option('--pools <count>', 'pools, closed ones too', ceilingOf)
    .option('--running-pools <count>', 'pools that have slots at once; the others wait', ceilingOf)
    .option('--buckets <count>', 'buckets; "none" lifts the limit of an organization or project', storageCeilingOf)
    .option('--storage-bytes <bytes>', 'bytes in all buckets; "none" as for buckets', storageCeilingOf)
    .option('--objects <count>', 'objects in all buckets; "none" lifts the limit', storageCeilingOf)
    .option('--instances <count>', 'instances at once', ceilingOf)
    .option('--cores <count>', 'cores at once', ceilingOf)
    .option('--flex-instances <count>', 'instances at once in the plan flex', ceilingOf)
    .option('--flex-cores <count>', 'cores at once in the plan flex', ceilingOf)
    .option('--on-demand-instances <count>', 'instances at once in the plan on demand', ceilingOf)
    .option('--on-demand-cores <count>', 'cores at once in the plan on demand', ceilingOf)
    .action((user: string | undefined, options: SetOptions) => set(io, user, options));
};
