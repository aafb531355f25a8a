import type {
  WireMe,
  WireNewToken,
  WireOrganization,
  WireOwnedProject,
  WireProjectMember,
  WireSharedProject,
  WireSignInLink,
  WireToken,
  WireUser,
} from '@fornax/contracts';
import { schemasOf } from './lazy-parser.js';
import type { JsonCall } from './api-connection.js';
import { nothing } from './wire-types.js';

const schema = schemasOf(() => import('../schemas/people.js'));

export interface PlanQuotaChange {
  readonly maxInstances?: number;
  readonly maxCores?: number;
}
/** What to change of ceilings on storage: none lifts one. */
export interface StorageQuotaChange {
  readonly maxBuckets?: number | 'none';
  readonly maxStorageBytes?: number | 'none';
  readonly maxObjects?: number | 'none';
}
/** What to change of quotas; the rest stays. A user always has ceilings on buckets and bytes. */
export interface QuotaChange extends PlanQuotaChange, StorageQuotaChange {
  readonly maxTasks?: number;
  readonly maxJobs?: number;
  readonly maxPools?: number;
  readonly maxRunningPools?: number;
  readonly flex?: PlanQuotaChange;
  readonly onDemand?: PlanQuotaChange;
}
export interface UserChange {
  readonly role?: string;
  readonly disabled?: boolean;
  /** Id or name; empty text for none. */
  readonly organization?: string;
  /** How the OpenID provider calls the user; empty text for not at all. */
  readonly openIdSubject?: string;
  readonly quotas?: QuotaChange;
}
export interface NewToken {
  readonly name: string;
  /** ISO 8601. */
  readonly expirationDate?: string;
}
export interface NewProject {
  readonly name: string;
  readonly slug?: string;
  readonly description?: string;
}
/** Whose project: one of the two. */
export interface ProjectOwner {
  readonly user?: string;
  readonly organization?: string;
}
export interface ProjectChange {
  readonly name?: string;
  readonly description?: string;
  readonly isDefault?: true;
  readonly archived?: true;
  /** An operator's. */
  readonly quotas?: StorageQuotaChange;
}

const API = '/fornax/v1';
const PAGE = 500;
const part = encodeURIComponent;

/** Users, tokens, projects, organizations and quotas. Where a user is left out, the caller's own account is meant; others are an operator's. */
export class PeopleClient {
  constructor(private readonly json: JsonCall) {}

  /** A link to the dashboard that signs the caller in once, within ten minutes. */
  signInLink(): Promise<WireSignInLink> {
    return this.json('POST', `${API}/session/links`, schema('signInLinkSchema'));
  }

  me(): Promise<WireMe> {
    return this.json('GET', `${API}/me`, schema('meSchema'));
  }

  /** All that the caller may see, in the order in which they were made. */
  async users(): Promise<readonly WireUser[]> {
    const all: WireUser[] = [];
    for (;;) {
      const path = `${API}/users?limit=${PAGE}&offset=${all.length}`;
      const { data, total } = await this.json('GET', path, schema('userPageSchema'));
      all.push(...data);
      if (data.length === 0 || all.length >= total) return all;
    }
  }

  /** @param user id or e-mail */
  user(user: string): Promise<WireUser> {
    return this.json('GET', `${API}/users/${part(user)}`, schema('userSchema'));
  }

  createUser(email: string, more: UserChange = {}): Promise<WireUser> {
    return this.json('POST', `${API}/users`, schema('userSchema'), { body: { email, ...more } });
  }

  changeUser(user: string, body: UserChange): Promise<WireUser> {
    return this.json('PATCH', `${API}/users/${part(user)}`, schema('userSchema'), { body });
  }

  tokens(user?: string): Promise<readonly WireToken[]> {
    return this.json('GET', `${ownerPath(user)}/tokens`, schema('tokensSchema'));
  }

  /** The only answer that shows the token. */
  createToken(body: NewToken, user?: string): Promise<WireNewToken> {
    return this.json('POST', `${ownerPath(user)}/tokens`, schema('newTokenSchema'), { body });
  }

  revokeToken(token: string, user?: string): Promise<void> {
    return this.json('DELETE', `${ownerPath(user)}/tokens/${part(token)}`, nothing);
  }

  /** The caller's own, or those of somebody that an operator names. */
  projects({ user, organization }: ProjectOwner = {}): Promise<readonly WireOwnedProject[]> {
    const [name, value] = user === undefined ? ['organization', organization] : ['user', user];
    const path = value === undefined ? '/me/projects' : `/projects?${name}=${part(value)}`;
    return this.json('GET', `${API}${path}`, schema('ownedProjectsSchema'));
  }

  /** @param project id; an operator's */
  project(project: string): Promise<WireOwnedProject> {
    return this.json('GET', `${API}/projects/${part(project)}`, schema('ownedProjectSchema'));
  }

  createProject(project: NewProject, owner: ProjectOwner = {}): Promise<WireOwnedProject> {
    const path = owner.user === undefined && owner.organization === undefined ? '/me/projects' : '/projects';
    return this.json('POST', `${API}${path}`, schema('ownedProjectSchema'), { body: { ...project, ...owner } });
  }

  /** @param project of the caller: id or slug; of anybody else: id, and the caller is an operator */
  changeProject(project: string, body: ProjectChange, isOwn = true): Promise<WireOwnedProject> {
    const path = `${API}${isOwn ? '/me' : ''}/projects/${part(project)}`;
    return this.json('PATCH', path, schema('ownedProjectSchema'), { body });
  }

  /** Projects of the caller's organization of which it sees everybody's tasks, with its roles there. */
  sharedProjects(): Promise<readonly WireSharedProject[]> {
    return this.json('GET', `${API}/me/shared-projects`, schema('sharedProjectsSchema'));
  }

  /** @param project id */
  projectMembers(project: string): Promise<readonly WireProjectMember[]> {
    return this.json('GET', `${API}/projects/${part(project)}/members`, schema('projectMembersSchema'));
  }

  /** Adds a member, or gives one another role. @param user id or e-mail */
  setProjectMember(project: string, user: string, role: WireProjectMember['role']): Promise<WireProjectMember> {
    const path = `${API}/projects/${part(project)}/members/${part(user)}`;
    return this.json('PUT', path, schema('projectMemberSchema'), { body: { role } });
  }

  removeProjectMember(project: string, user: string): Promise<void> {
    return this.json('DELETE', `${API}/projects/${part(project)}/members/${part(user)}`, nothing);
  }

  organizations(): Promise<readonly WireOrganization[]> {
    return this.json('GET', `${API}/organizations`, schema('organizationsSchema'));
  }

  /** @param organization id or name */
  organization(organization: string): Promise<WireOrganization> {
    return this.json('GET', `${API}/organizations/${part(organization)}`, schema('organizationSchema'));
  }

  createOrganization(name: string): Promise<WireOrganization> {
    return this.json('POST', `${API}/organizations`, schema('organizationSchema'), { body: { name } });
  }

  changeOrganization(organization: string, quotas: QuotaChange): Promise<WireOrganization> {
    return this.json('PATCH', `${API}/organizations/${part(organization)}`, schema('organizationSchema'), {
      body: { quotas },
    });
  }
}

const ownerPath = (user: string | undefined): string => `${API}/${user === undefined ? 'me' : `users/${part(user)}`}`;
