import { InvalidArgumentError, type Command } from 'commander';
import type { WirePublishedProfile } from '@fornax/client';
import { inLines } from '../session/document-errors.js';
import { openDocument } from '../session/job-file.js';
import type { Io } from '../terminal/io.js';
import { yamlOf } from '../terminal/yaml.js';
import { clientOf, withReason, type ReasonOptions } from './others.js';

interface OfOwner {
  readonly organization?: string;
}

const versionOf = (text: string): number => {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be the number of a version');
  return Number(text);
};

const withOrganization = (command: Command): Command =>
  command.option(
    '--organization <organization>',
    'whose profile, by name or id; "platform": of the platform (default: of your organization; for operators: of the platform)',
  );

const publish = async (io: Io, file: string, options: OfOwner & ReasonOptions): Promise<void> => {
  const document = await openDocument(file);
  const { name, version, organization, isReady } = await clientOf(io, options)
    .publishedProfiles.publish(document.body, options.organization)
    .catch((error: unknown) => {
      throw inLines(error, file, document);
    });
  io.print(`profile ${name}, version ${version}${organization === null ? '' : `, of ${organization}`}`);
  if (!isReady) io.tell(`${name} names no image yet: a task of it is refused until a version does`);
};

const stateOf = ({ isReady, retiredAt }: WirePublishedProfile): string => {
  if (retiredAt !== null) return 'retired';
  return isReady ? 'ready' : 'without an image';
};

const list = async (io: Io): Promise<void> => {
  const profiles = await io.client().publishedProfiles.list();
  const rows = profiles.map((one) => [
    ...[one.name, one.version === 0 ? '-' : one.version, one.organization ?? '-', stateOf(one), one.image],
    one.description,
  ]);
  io.table([['PROFILE', 'VERSION', 'ORGANIZATION', 'STATE', 'IMAGE', 'DESCRIPTION'], ...rows], profiles);
};

const versions = async (io: Io, name: string, { organization }: OfOwner): Promise<void> => {
  const all = await io.client().publishedProfiles.versions(name, organization);
  const rows = all.map((one) => [one.version, one.image, one.publishedAt ?? '-', one.publishedBy ?? '-']);
  io.table([['VERSION', 'IMAGE', 'PUBLISHED', 'BY'], ...rows], all);
};

const show = async (io: Io, name: string, options: OfOwner & { readonly version?: number }): Promise<void> => {
  const { version, organization } = options;
  const { document } = await io.client().publishedProfiles.show(name, { version, organization });
  io.write(`${yamlOf(document)}\n`);
};

const retire = async (io: Io, name: string, options: OfOwner & ReasonOptions): Promise<void> => {
  const { version } = await clientOf(io, options).publishedProfiles.retire(name, options.organization);
  io.print(`profile ${name} is retired: it takes no new tasks. Version ${version} was its last`);
};

/** `fornax profiles …` */
export const addProfilesCommands = (program: Command, io: Io): void => {
  const profiles = program.command('profiles').description('what tasks run: profiles of your own');
  withReason(
    withOrganization(
      profiles
        .command('publish <file>')
        .description(
          'publish the next version of a profile, a document in YAML or JSON (- reads it from the standard input)',
        ),
    ),
  ).action((file: string, options: OfOwner & ReasonOptions) => publish(io, file, options));
  profiles
    .command('list')
    .description('published profiles that you may use, and documents that wait for their image')
    .action(() => list(io));
  withOrganization(
    profiles
      .command('show <name>')
      .description('one version of a profile, as the document that says it, in YAML')
      .option('--version <number>', 'which version (default: the newest)', versionOf),
  ).action((name: string, options: OfOwner & { readonly version?: number }) => show(io, name, options));
  withOrganization(
    profiles.command('versions <name>').description('all versions of a profile, the newest first'),
  ).action((name: string, options: OfOwner) => versions(io, name, options));
  withReason(
    withOrganization(
      profiles
        .command('retire <name>')
        .description('take no new tasks of a profile; tasks that have it still run, and it may be published again'),
    ),
  ).action((name: string, options: OfOwner & ReasonOptions) => retire(io, name, options));
};
