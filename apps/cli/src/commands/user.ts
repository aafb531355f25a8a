import type { UserChange, WireUser } from '@fornax/client';
import { type Command, Option } from 'commander';
import type { Io } from '../terminal/io.js';
import { clientOf, withReason, type ReasonOptions } from './others.js';

const ROLES = ['user', 'auditor', 'coordinator', 'operator'];

interface CreateOptions extends ReasonOptions {
  readonly role?: string;
  readonly organization?: string;
}

const row = (user: WireUser): readonly string[] => [
  user.email,
  user.role,
  user.disabled ? 'disabled' : 'enabled',
  user.organization?.name ?? '-',
  user.uuid,
];
const HEADING = ['E-MAIL', 'ROLE', 'STATE', 'ORGANIZATION', 'ID'];

const change = async (io: Io, user: string, changes: UserChange, options: ReasonOptions): Promise<void> => {
  io.table([HEADING, row(await clientOf(io, options).people.changeUser(user, changes))]);
};

const organizations = (program: Command, io: Io): void => {
  const organization = program.command('organization').description('groups of users with projects in common');
  organization
    .command('create <name>')
    .description('make an organization; prints its id')
    .action(async (name: string) => io.print((await io.client().people.createOrganization(name)).uuid));
  organization
    .command('list')
    .description('all organizations')
    .action(async () => {
      const rows = (await io.client().people.organizations()).map(({ name, members, uuid }) => [name, members, uuid]);
      io.table([['NAME', 'MEMBERS', 'ID'], ...rows]);
    });
};

/** Users and organizations: all but `user show` is for operators. */
export const addUserCommands = (program: Command, io: Io): void => {
  const user = program.command('user').description('who may use the platform; for operators');
  withReason(user.command('create <email>').description('make a user; prints its id'))
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).default('user'))
    .option('--organization <name>', 'where it belongs')
    .action(async (email: string, { role, organization, ...options }: CreateOptions) => {
      const more = {
        ...(role === undefined ? {} : { role }),
        ...(organization === undefined ? {} : { organization }),
      };
      io.print((await clientOf(io, options).people.createUser(email, more)).uuid);
    });
  user
    .command('list')
    .description('all users; for an auditor those of its organization')
    .action(async () => io.table([HEADING, ...(await io.client().people.users()).map(row)]));
  withReason(
    user.command('link <user> <subject>').description('let a user sign in by the OpenID provider, which calls it so'),
  ).action((name: string, openIdSubject: string, options: ReasonOptions) =>
    change(io, name, { openIdSubject }, options),
  );
  withReason(user.command('unlink <user>').description('let a user sign in by the OpenID provider no more')).action(
    (name: string, options: ReasonOptions) => change(io, name, { openIdSubject: '' }, options),
  );
  user
    .command('show [user]')
    .description('a user by e-mail or id, or yourself, as JSON')
    .action(async (name: string | undefined) => {
      const { people } = io.client();
      io.document(await (name === undefined ? people.me() : people.user(name)));
    });
  withReason(user.command('role <user> <role>').description(`change what a user may do: ${ROLES.join(', ')}`)).action(
    (name: string, role: string, options: ReasonOptions) => change(io, name, { role }, options),
  );
  withReason(user.command('disable <user>').description('refuse every token of a user, at once')).action(
    (name: string, options: ReasonOptions) => change(io, name, { disabled: true }, options),
  );
  withReason(user.command('enable <user>').description('undo disable')).action((name: string, options: ReasonOptions) =>
    change(io, name, { disabled: false }, options),
  );
  withReason(
    user.command('move <user> [organization]').description('put a user into an organization, or into none'),
  ).action((name: string, organization: string | undefined, options: ReasonOptions) =>
    change(io, name, { organization: organization ?? '' }, options),
  );
  organizations(program, io);
};
