import { Inject, Injectable } from '@nestjs/common';
import { NotFound, ValidationFailed, type Clock } from '@fornax/base';
import type { StatementQuery } from '@fornax/contracts';
import { AccountDirectory, type Account, type Project } from '@fornax/identity';
import { CLOCK } from '@fornax/service-kit';
import type { StatementScope } from './statement-sql.js';
import { instantOf } from './wire-statement.js';

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
    { from, to, timezone, account, project }: Pick<StatementQuery, 'from' | 'to' | 'timezone' | 'account' | 'project'>,
  ): StatementScope {
    const now = this.clock.now();
    const scope = {
      from: instantOf(from, timezone, now),
      to: to === undefined ? now : instantOf(to, timezone, now),
    };
    if (scope.to < scope.from) throw new ValidationFailed({ to: ['The period must not end before it begins.'] });
    const owners = this.ownersFor(caller, account);
    return { ...scope, owners, project: project === undefined ? undefined : this.project(caller, project).id };
  }

  /** @throws NotFound also for one of others */
  project(caller: Account, id: string): Project {
    return seenProject(this.accounts, caller, id);
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
