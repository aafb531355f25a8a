import type { ProjectChange, ProjectOwner } from '@fornax/client';
import type { Command } from 'commander';
import type { Io } from '../terminal/io.js';
import { addProjectMemberCommands } from './project-members.js';

interface CreateOptions extends ProjectOwner {
  readonly slug?: string;
  readonly description?: string;
}
interface ChangeOptions {
  readonly any?: boolean;
}
interface RenameOptions extends ChangeOptions {
  readonly description?: string;
}

const create = async (
  io: Io,
  name: string,
  { slug, description, user, organization }: CreateOptions,
): Promise<void> => {
  const project = {
    name,
    ...(slug === undefined ? {} : { slug }),
    ...(description === undefined ? {} : { description }),
  };
  const owner = { ...(user === undefined ? {} : { user }), ...(organization === undefined ? {} : { organization }) };
  io.print((await io.client().people.createProject(project, owner)).uuid);
};

const list = async (io: Io, owner: ProjectOwner): Promise<void> => {
  const rows = (await io.client().people.projects(owner)).map(({ slug, name, isDefault, archived, user, uuid }) => [
    slug,
    name,
    isDefault ? 'default' : archived ? 'archived' : '-',
    user === null ? 'organization' : user.name,
    uuid,
  ]);
  io.table([['SLUG', 'NAME', 'STATE', 'OF', 'ID'], ...rows]);
};

const change = async (io: Io, project: string, changes: ProjectChange, { any }: ChangeOptions): Promise<void> => {
  const { slug, name, isDefault, archived } = await io.client().people.changeProject(project, changes, any !== true);
  io.print(`${slug}: ${name}${isDefault ? ', default' : ''}${archived ? ', archived' : ''}`);
};

export const addProjectCommands = (program: Command, io: Io): void => {
  const project = program.command('project').description('what tasks are put into');
  const any = '--any';
  const anyText = "somebody else's, by its id (operators)";
  project
    .command('create <name>')
    .description('make a project; prints its id')
    .option('--slug <slug>', 'its name for programs, else made from the name')
    .option('--description <text>')
    .option('-u, --user <user>', 'for somebody else (operators)')
    .option('--organization <name>', 'for all of an organization (operators)')
    .action((name: string, options: CreateOptions) => create(io, name, options));
  project
    .command('list')
    .description('projects that your tasks may be put into')
    .option('-u, --user <user>', 'of somebody else (operators)')
    .option('--organization <name>', 'of an organization (operators)')
    .action((options: ProjectOwner) => list(io, options));
  project
    .command('rename <project> <name>')
    .description('change the name of a project (by its slug or id); its slug stays')
    .option('--description <text>')
    .option(any, anyText)
    .action((id: string, name: string, { description, ...options }: RenameOptions) =>
      change(io, id, { name, ...(description === undefined ? {} : { description }) }, options),
    );
  project
    .command('default <project>')
    .description('put tasks there that name no project')
    .option(any, anyText)
    .action((id: string, options: ChangeOptions) => change(io, id, { isDefault: true }, options));
  project
    .command('archive <project>')
    .description('take no new tasks into a project')
    .option(any, anyText)
    .action((id: string, options: ChangeOptions) => change(io, id, { archived: true }, options));
  addProjectMemberCommands(project, io);
};
