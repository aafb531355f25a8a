import type { WireOwnedTaskSummary, WireProjectMember } from '@fornax/client';
import { Argument, type Command } from 'commander';
import { countOf } from '../terminal/arguments.js';
import type { Io } from '../terminal/io.js';
import { sharedProjectId } from '../session/project.js';

const ROLES = ['viewer', 'member', 'maintainer'] as const;
const HEADING = ['E-MAIL', 'ROLE', 'ID'];
const rowOf = ({ user, role }: WireProjectMember): readonly string[] => [user.name, role, user.uuid];

const taskRow = (task: WireOwnedTaskSummary): readonly string[] => [
  task.uuid,
  task.name,
  task.state,
  task.owner.name,
  `${Math.round(task.progress)} %`,
  task.creationDate,
];

const list = async (io: Io, project: string): Promise<void> => {
  const members = await io.client().people.projectMembers(await sharedProjectId(io, project));
  io.table([HEADING, ...members.map(rowOf)]);
};

const set = async (io: Io, project: string, user: string, role: WireProjectMember['role']): Promise<void> => {
  const id = await sharedProjectId(io, project);
  io.table([HEADING, rowOf(await io.client().people.setProjectMember(id, user, role))]);
};

const remove = async (io: Io, project: string, user: string): Promise<void> => {
  await io.client().people.removeProjectMember(await sharedProjectId(io, project), user);
};

const tasks = async (io: Io, project: string, { limit }: { readonly limit?: number }): Promise<void> => {
  const id = await sharedProjectId(io, project);
  const rows = (await io.client().listProjectTasks(id, { limit })).map(taskRow);
  io.table([['ID', 'NAME', 'STATE', 'OWNER', 'PROGRESS', 'CREATED'], ...rows]);
};

/** What members of a project that an organization shares see and do together; `<project>` is a slug or an id. */
export const addProjectMemberCommands = (project: Command, io: Io): void => {
  project
    .command('tasks <project>')
    .description("everybody's tasks in a project that your organization shares, where you have a role")
    .option('--limit <count>', 'the newest ones', countOf)
    .action((name: string, options: { readonly limit?: number }) => tasks(io, name, options));
  const members = project
    .command('members')
    .description(
      'who sees (viewer), puts tasks into (member) or looks after (maintainer) a project that your organization shares',
    );
  members
    .command('list <project>')
    .description('the members of a project, and their roles')
    .action((name: string) => list(io, name));
  members
    .command('set <project> <user>')
    .addArgument(new Argument('<role>', 'what it may do there').choices(ROLES))
    .description('add a member, or give one another role (maintainers)')
    .action((name: string, user: string, role: WireProjectMember['role']) => set(io, name, user, role));
  members
    .command('remove <project> <user>')
    .description('take a member out: it sees nothing of others there any more (maintainers)')
    .action((name: string, user: string) => remove(io, name, user));
};
