import { Inject, Injectable } from '@nestjs/common';
import { NotFound, ValidationFailed, type Clock } from '@fornax/base';
import type { StatementQuery } from '@fornax/contracts';
import { dayIn, monthsAfter, startOfDay } from '@fornax/domain';
import { AccountDirectory, type Account, type Project } from '@fornax/identity';
import { CLOCK } from '@fornax/service-kit';
import type { StatementScope } from './statement-sql.js';
import { instantOf, type NamesOf } from './wire-statement.js';

/** A project that somebody may look at. @throws NotFound also for one of others */
export const seenProject = (accounts: AccountDirectory, caller: Account, id: string): Project => {
  const project = accounts.project(id.toLowerCase());
  const isSeen =
    project !== undefined &&
    (project.ownerKind === 'account'
      ? accounts.reaches(caller, project.ownerId, 'look')
      : caller.role === 'operator' || caller.organisationId === project.ownerId);
  if (!isSeen) throw new NotFound(`No such project: ${id}`, { code: 'project-not-found' });
  return project;
};

/** Names that people know projects and accounts by. */
export const namesIn = (accounts: AccountDirectory): NamesOf => ({
  project: (id) => accounts.project(id)?.name,
  user: (id) => accounts.byId(id)?.email,
  projectOwner: (id) => {
    const project = accounts.project(id);
    if (project?.ownerKind === 'account') return accounts.byId(project.ownerId)?.email;
    return project && accounts.organisation(project.ownerId)?.name;
  },
});

/** The first instant of the month that an instant lies in, in a time zone, and the first one after it. */
export const monthAround = (at: number, timeZone: string): { readonly from: number; readonly to: number } => {
  const day = dayIn(at, timeZone);
  return { from: startOfDay(monthsAfter(day, 0), timeZone), to: startOfDay(monthsAfter(day, 1), timeZone) };
};

/** Says what of all that was used somebody may see: what is their own, and what they look after. */
@Injectable()
export class StatementScopes {
  constructor(
    private readonly accounts: AccountDirectory,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** What a question is about. @throws ValidationFailed, NotFound */
  of(
    caller: Account,
    { from, to, timezone, account, project, through }: Omit<StatementQuery, 'groupby' | 'format' | 'offset' | 'limit'>,
  ): StatementScope {
    const now = this.clock.now();
    const scope = {
      from: instantOf(from, timezone, now),
      to: to === undefined ? now : instantOf(to, timezone, now),
    };
    if (scope.to < scope.from) throw new ValidationFailed({ to: ['The period must not end before it begins.'] });
    const owners = this.ownersFor(caller, account);
    return { ...scope, owners, through, project: project === undefined ? undefined : this.project(caller, project).id };
  }

  /** @throws NotFound also for one of others */
  project(caller: Account, id: string): Project {
    return seenProject(this.accounts, caller, id);
  }

  /** Whether somebody sees what everybody used in a project; others see what they and those that they look after did. */
  seesAllOf(caller: Account, { ownerId, ownerKind }: Project): boolean {
    if (caller.readBy === undefined && caller.role === 'operator') return true;
    if (ownerKind === 'account') return caller.id === ownerId || this.accounts.reaches(caller, ownerId, 'look');
    const looksAfter = caller.role === 'coordinator' || caller.role === 'auditor';
    return caller.readBy === undefined && looksAfter && caller.organisationId === ownerId;
  }

  /** Whether somebody may look at what an account used. @param project that it was used in, whose members see it, too */
  shows(caller: Account, owner: string, project?: string | null): boolean {
    return this.accounts.reaches(caller, owner, 'look', project);
  }

  /** Whose use somebody may look at; undefined: everybody's. @throws NotFound also for an account of others */
  ownersFor(caller: Account, name: string | undefined): readonly string[] | undefined {
    if (name === undefined && caller.role === 'operator' && caller.readBy === undefined) return undefined;
    if (name === undefined)
      return this.accounts
        .all()
        .flatMap(({ id }) => (id === caller.id || this.accounts.reaches(caller, id, 'look') ? [id] : []));
    const found = name === 'me' ? caller : this.accounts.find(name);
    if (!found || !this.accounts.reaches(caller, found.id, 'look'))
      throw new NotFound(`No such account: ${name}`, { code: 'account-not-found' });
    return [found.id];
  }
}
