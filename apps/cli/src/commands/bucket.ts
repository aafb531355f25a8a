import type { WireBucket, WireBucketGrant } from '@fornax/client';
import { Argument, type Command } from 'commander';
import { UsageError } from '../session/connection.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

const KINDS = ['user', 'project', 'organization'] as const;

type GranteeOptions = Partial<Readonly<Record<(typeof KINDS)[number], string>>>;

const granteeOf = (options: GranteeOptions): { readonly kind: (typeof KINDS)[number]; readonly who: string } => {
  const named = KINDS.flatMap((kind) => (options[kind] === undefined ? [] : [{ kind, who: options[kind] }]));
  const [grantee, other] = named;
  if (grantee === undefined || other !== undefined)
    throw new UsageError('name one of --user, --project and --organization');
  return grantee;
};

const grantsText = (grants: WireBucket['grants']): string =>
  grants === null || grants.length === 0 ? '-' : String(grants.length);

/** Lists the buckets of whoever asks. */
export const listBuckets = async (io: Io, { json = false }: { readonly json?: boolean }): Promise<void> => {
  const buckets = await io.client().buckets.list();
  if (json) return io.document(buckets);
  io.table([
    ['NAME', 'ACCESS', 'OWNER', 'OBJECTS', 'BYTES', 'GRANTS'],
    ...buckets.map(({ name, access, owner, objects, bytes, grants }) => [
      name,
      access,
      harmlessLine(owner.name),
      objects,
      bytes,
      grantsText(grants),
    ]),
  ]);
};

const line = ({ kind, name, access, id, grantedAt }: WireBucketGrant): readonly string[] => [
  access,
  kind,
  harmlessLine(name),
  grantedAt,
  id,
];

const listGrants = async (io: Io, bucket: string, { json = false }: { readonly json?: boolean }): Promise<void> => {
  const grants = await io.client().buckets.grants(bucket);
  if (json) return io.document(grants);
  if (grants.length === 0) return io.print(`${harmlessLine(bucket)} is shared with nobody.`);
  io.table([['ACCESS', 'TO', 'NAME', 'SINCE', 'ID'], ...grants.map(line)]);
};

const grant = async (
  io: Io,
  bucket: string,
  access: WireBucketGrant['access'],
  options: GranteeOptions,
): Promise<void> => {
  const { kind, name } = await io.client().buckets.grant(bucket, granteeOf(options), access);
  io.print(`${harmlessLine(bucket)}: ${access} to ${kind} ${harmlessLine(name)}`);
};

const revoke = async (io: Io, bucket: string, options: GranteeOptions): Promise<void> => {
  const { kind, who } = granteeOf(options);
  await io.client().buckets.revoke(bucket, { kind, who });
  io.print(`${harmlessLine(bucket)}: nothing to ${kind} ${harmlessLine(who)}`);
};

const withGrantee = (command: Command): Command =>
  command
    .option('-u, --user <user>', 'one user, by e-mail or id')
    .option('--project <project>', 'all who may use a project, by its id or the slug of one of yours')
    .option('--organization <name>', 'all members of an organization, by name or id');

/** `fornax bucket …`. @returns the command, for what else is done with buckets */
export const addBucketCommands = (program: Command, io: Io): Command => {
  const bucket = program
    .command('bucket')
    .description('what is in buckets, whose they are, and with whom they are shared');
  bucket
    .command('list')
    .description('your buckets, and those that are shared with you')
    .option('--json', 'as JSON')
    .action((options: { readonly json?: boolean }) => listBuckets(io, options));
  bucket
    .command('grants <bucket>')
    .description('with whom a bucket is shared')
    .option('--json', 'as JSON')
    .action((name: string, options: { readonly json?: boolean }) => listGrants(io, name, options));
  withGrantee(
    bucket
      .command('grant <bucket>')
      .description('share a bucket; takes the place of what the grantee had')
      .addArgument(
        new Argument('<access>', 'read: list and read objects; write: store and delete them, too').choices([
          'read',
          'write',
        ]),
      ),
  ).action((name: string, access: WireBucketGrant['access'], options: GranteeOptions) =>
    grant(io, name, access, options),
  );
  withGrantee(
    bucket.command('revoke <bucket>').description('share a bucket no more; holds from the next request on'),
  ).action((name: string, options: GranteeOptions) => revoke(io, name, options));
  return bucket;
};
