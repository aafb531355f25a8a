import type { InstantMs } from '../shared/time.js';
import { accept, assertNever, reject, type Decision } from '../shared/decider.js';
import {
  decideMember,
  evolveMembers,
  type ProjectMemberCommand,
  type ProjectMemberEvent,
  type ProjectMembers,
} from './project-members.js';
import { changedStorageQuotas, sameStorageQuotas, type StorageQuotaChange, type StorageQuotas } from './quotas.js';

/** Tasks are put into projects, which belong to one account or are shared by an organization. */
export type ProjectEvent =
  | ProjectMemberEvent
  | {
      readonly type: 'ProjectCreated';
      readonly projectId: string;
      /** The account or the organization. */
      readonly ownerId: string;
      readonly ownerKind: ProjectOwnerKind;
      readonly name: string;
      /** Its name for programs; never changes. */
      readonly slug: string;
      readonly description: string;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'ProjectRenamed';
      readonly projectId: string;
      readonly name: string;
      readonly description: string;
      readonly at: InstantMs;
    }
  | { readonly type: 'ProjectArchived'; readonly projectId: string; readonly at: InstantMs }
  | {
      /** How much the buckets of the project may hold together. */
      readonly type: 'ProjectQuotasChanged';
      readonly projectId: string;
      /** All of them, also those that stayed. */
      readonly quotas: StorageQuotas;
      readonly at: InstantMs;
    }
  | {
      /** New tasks of the owner (of its members) that name no project go there. */
      readonly type: 'DefaultProjectChosen';
      readonly ownerId: string;
      readonly projectId: string;
      readonly at: InstantMs;
    };

export type ProjectOwnerKind = 'account' | 'organisation';

export type ProjectCommand =
  | ProjectMemberCommand
  | {
      readonly type: 'CreateProject';
      readonly projectId: string;
      readonly name: string;
      /** Made from the name when it is absent. */
      readonly slug?: string;
      readonly description: string;
      readonly at: InstantMs;
    }
  | {
      readonly type: 'RenameProject';
      readonly projectId: string;
      readonly name?: string;
      readonly description?: string;
      readonly at: InstantMs;
    }
  | { readonly type: 'ArchiveProject'; readonly projectId: string; readonly at: InstantMs }
  | {
      readonly type: 'ChangeProjectQuotas';
      readonly projectId: string;
      readonly quotas: StorageQuotaChange;
      readonly at: InstantMs;
    }
  | { readonly type: 'ChooseDefaultProject'; readonly projectId: string; readonly at: InstantMs };

export interface OwnProject {
  readonly name: string;
  readonly slug: string;
  readonly description: string;
  readonly isArchived: boolean;
  readonly quotas: StorageQuotas;
  /** Absent: it is for all of its owner's. */
  readonly members?: NonNullable<ProjectMembers>;
}

export interface ProjectsState {
  readonly projects: ReadonlyMap<string, OwnProject>;
  /** Undefined: nobody chose one. */
  readonly defaultProjectId: string | undefined;
}

export interface ProjectOwner {
  readonly ownerId: string;
  readonly ownerKind: ProjectOwnerKind;
}

/** Projects of one owner that are not archived. */
const MAX_OPEN_PROJECTS = 200;
const MAX_SLUG_CHARS = 63;

/** A name as a host name could have it: lower-case letters, digits and hyphens. */
export const slugOf = (name: string): string => {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_SLUG_CHARS)
    .replace(/^-+|-+$/g, '');
  return slug === '' ? 'project' : slug;
};

/** The slug itself, or with the lowest number behind it that makes it free. */
const freeSlug = (slug: string, taken: ReadonlySet<string>): string => {
  if (!taken.has(slug)) return slug;
  for (let number = 2; ; number += 1) {
    const numbered = `${slug.slice(0, MAX_SLUG_CHARS - 4)}-${number}`;
    if (!taken.has(numbered)) return numbered;
  }
};

/**
 * What owners may do with projects. Rejections: `project-exists`, `project-not-found`, `project-archived`, `slug-taken`,
 * `too-many-projects`, `project-is-first` (the one an account starts with is never archived: there is always one to fall back on), and those of members.
 */
export const decideProject = (
  owner: ProjectOwner,
  state: ProjectsState,
  command: ProjectCommand,
): Decision<ProjectEvent> => {
  switch (command.type) {
    case 'CreateProject':
      return create(owner, state, command);
    case 'RenameProject': {
      const project = state.projects.get(command.projectId);
      if (!project) return noSuchProject;
      if (project.isArchived) return archived;
      const { name = project.name, description = project.description, projectId, at } = command;
      if (name === project.name && description === project.description) return accept();
      return accept<ProjectEvent>({ type: 'ProjectRenamed', projectId, name, description, at });
    }
    case 'ArchiveProject': {
      const { projectId, at } = command;
      const project = state.projects.get(projectId);
      if (!project) return noSuchProject;
      if (projectId === owner.ownerId)
        return reject('invalid', 'project-is-first', 'The project that an account starts with cannot be archived');
      return project.isArchived ? accept() : accept<ProjectEvent>({ type: 'ProjectArchived', projectId, at });
    }
    case 'ChangeProjectQuotas': {
      const { projectId, at } = command;
      // Of an archived one, too: its buckets are still there.
      const project = state.projects.get(projectId);
      if (!project) return noSuchProject;
      const quotas = changedStorageQuotas(project.quotas, command.quotas);
      if (sameStorageQuotas(quotas, project.quotas)) return accept();
      return accept<ProjectEvent>({ type: 'ProjectQuotasChanged', projectId, quotas, at });
    }
    case 'SetProjectMember':
    case 'RemoveProjectMember': {
      // Of an archived one, too: its tasks are still seen.
      const project = state.projects.get(command.projectId);
      return project ? decideMember(owner, project.members, command) : noSuchProject;
    }
    case 'ChooseDefaultProject': {
      const { projectId, at } = command;
      const project = state.projects.get(projectId);
      if (!project) return noSuchProject;
      if (project.isArchived) return archived;
      return chooseDefault(owner, state, projectId, at);
    }
    default:
      return assertNever(command);
  }
};

const noSuchProject = reject('not-found', 'project-not-found', 'No such project');
const archived = reject('invalid', 'project-archived', 'The project is archived');

/** The choice, unless it is made already. */
export const chooseDefault = (
  { ownerId }: ProjectOwner,
  { defaultProjectId }: ProjectsState,
  projectId: string,
  at: InstantMs,
): Decision<ProjectEvent> =>
  defaultProjectId === projectId
    ? accept()
    : accept<ProjectEvent>({ type: 'DefaultProjectChosen', ownerId, projectId, at });

const create = (
  { ownerId, ownerKind }: ProjectOwner,
  { projects }: ProjectsState,
  command: Extract<ProjectCommand, { type: 'CreateProject' }>,
): Decision<ProjectEvent> => {
  const { projectId, name, slug, description, at } = command;
  if (projects.has(projectId)) return reject('conflict', 'project-exists', 'The project exists');
  const open = [...projects.values()].filter(({ isArchived }) => !isArchived);
  if (open.length >= MAX_OPEN_PROJECTS)
    return reject('forbidden', 'too-many-projects', `Maximum number of projects reached (${MAX_OPEN_PROJECTS})`);
  const taken = new Set(open.map((project) => project.slug));
  if (slug !== undefined && taken.has(slug))
    return reject('conflict', 'slug-taken', `The slug ${slug} is already used`);
  return accept<ProjectEvent>({
    type: 'ProjectCreated',
    projectId,
    ownerId,
    ownerKind,
    name,
    slug: slug ?? freeSlug(slugOf(name), taken),
    description,
    at,
  });
};

export const evolveProjects = <S extends ProjectsState>(state: S, event: ProjectEvent): S => {
  switch (event.type) {
    case 'ProjectCreated': {
      const { name, slug, description } = event;
      return withProject(state, event.projectId, { name, slug, description, isArchived: false, quotas: {} });
    }
    case 'ProjectRenamed': {
      const { name, description } = event;
      const project = state.projects.get(event.projectId);
      return project ? withProject(state, event.projectId, { ...project, name, description }) : state;
    }
    case 'ProjectArchived': {
      const project = state.projects.get(event.projectId);
      return project ? withProject(state, event.projectId, { ...project, isArchived: true }) : state;
    }
    case 'ProjectQuotasChanged': {
      const project = state.projects.get(event.projectId);
      return project ? withProject(state, event.projectId, { ...project, quotas: event.quotas }) : state;
    }
    case 'ProjectMemberSet':
    case 'ProjectMemberRemoved': {
      const project = state.projects.get(event.projectId);
      if (!project) return state;
      return withProject(state, event.projectId, { ...project, members: evolveMembers(project.members, event) });
    }
    case 'DefaultProjectChosen':
      return { ...state, defaultProjectId: event.projectId };
    default:
      return assertNever(event);
  }
};

const withProject = <S extends ProjectsState>(state: S, projectId: string, project: OwnProject): S => ({
  ...state,
  projects: new Map(state.projects).set(projectId, project),
});

/** The projects of a new account: one, with the account's own id, so that accounts older than projects have it, too. */
export const startingProjects = (accountId: string): ProjectsState => ({
  projects: new Map([
    [accountId, { name: 'Default', slug: 'default', description: '', isArchived: false, quotas: {} }],
  ]),
  defaultProjectId: undefined,
});

/** The projects of an owner that has none yet. */
export const noProjects: ProjectsState = { projects: new Map(), defaultProjectId: undefined };

/** The project that an organization's members use who chose none themselves; undefined when it chose none that is open. */
export const sharedDefaultOf = ({ projects, defaultProjectId: id }: ProjectsState): string | undefined =>
  id !== undefined && projects.get(id)?.isArchived === false ? id : undefined;

/**
 * The project that an account's new tasks go into when they name none: the account's own choice, else its organization's, as long as that project is
 * open and the account may use it; else the project that the account started with, which is never archived.
 * @param shared projects of the account's organization, of which it may have chosen one
 */
export const defaultProjectOf = (accountId: string, own: ProjectsState, shared: ProjectsState = noProjects): string => {
  const isOpen = (id: string): boolean => [own, shared].some(({ projects }) => projects.get(id)?.isArchived === false);
  const choice = [own, shared].find(({ defaultProjectId: id }) => id !== undefined && isOpen(id));
  return choice?.defaultProjectId ?? accountId;
};
