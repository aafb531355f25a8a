import { Injectable } from '@nestjs/common';
import { ValidationFailed } from '@fornax/base';
import type { WrittenProfile } from '@fornax/contracts';
import { PLATFORM, type ProfileAudience } from '@fornax/domain';
import { AccountDirectory } from '@fornax/identity';

type Kind = keyof ProfileAudience & string;
const KINDS: readonly Kind[] = ['organizations', 'projects', 'users'];

/** Who may use a profile: as people write it, and as the log keeps it, by ids. */
@Injectable()
export class Audiences {
  constructor(private readonly accounts: AccountDirectory) {}

  /** @param owner an organization lets in whom it knows: itself, its members, its and their projects @throws ValidationFailed somebody is not there */
  idsOf(usableBy: WrittenProfile['usableBy'], owner: string): ProfileAudience | undefined {
    if (usableBy === undefined || usableBy === 'everybody') return undefined;
    const errors: Record<string, string[]> = {};
    const found = (kind: Kind): readonly string[] | undefined =>
      usableBy[kind]?.flatMap((named, index) => {
        const id = this.idOf(kind, named, owner);
        if (id === undefined) errors[`usableBy.${kind}[${index}]`] = [`There is none that is called ${named}.`];
        return id ?? [];
      });
    const audience = Object.fromEntries(
      KINDS.flatMap((kind) => {
        const ids = found(kind);
        return ids === undefined ? [] : [[kind, [...new Set(ids)]]];
      }),
    );
    if (Object.keys(errors).length > 0) throw new ValidationFailed(errors);
    return audience;
  }

  /** As people know them; who is gone goes by the id. */
  namesOf(audience: ProfileAudience | undefined): WrittenProfile['usableBy'] {
    if (audience === undefined) return undefined;
    const { organizations, projects, users } = audience;
    return {
      ...(organizations && { organizations: organizations.map((id) => this.accounts.organisation(id)?.name ?? id) }),
      ...(projects && { projects: [...projects] }),
      ...(users && { users: users.map((id) => this.accounts.byId(id)?.email ?? id) }),
    };
  }

  private idOf(kind: Kind, named: string, owner: string): string | undefined {
    const isKnown = (organization: string | null | undefined): boolean => owner === PLATFORM || organization === owner;
    if (kind === 'organizations') {
      const id = this.accounts.organisation(named)?.id;
      return isKnown(id) ? id : undefined;
    }
    if (kind === 'users') {
      const account = this.accounts.find(named);
      return isKnown(account?.organisationId) ? account?.id : undefined;
    }
    const project = this.accounts.project(named.toLowerCase());
    const holder =
      project?.ownerKind === 'account' ? this.accounts.byId(project.ownerId)?.organisationId : project?.ownerId;
    return isKnown(holder) ? project?.id : undefined;
  }
}
