import type { WireRights } from '@fornax/contracts';
import type { Account } from './account.js';
import type { AccountDirectory } from './account-directory.js';

/** What is owned, and the project that it lies in. */
interface Owned {
  readonly owner: string;
  readonly projectUuid?: string | null | undefined;
}

/** Whom people read of as the owner of something. */
export const namedOwner = (accounts: Pick<AccountDirectory, 'byId'>, uuid: string): WireRights['owner'] => ({
  uuid,
  name: accounts.byId(uuid)?.email ?? uuid,
});

const mayDo = (
  accounts: Pick<AccountDirectory, 'reaches'>,
  caller: Account,
  { owner, projectUuid }: Owned,
): WireRights['may'] => {
  // An auditor changes nothing, nor does who reads as somebody else.
  if (caller.role === 'auditor') return 'look';
  if (caller.id === owner) return 'own';
  return accounts.reaches(caller, owner, 'tend', projectUuid) ? 'tend' : 'look';
};

/** Says whose something is, and what somebody who may look at it may do with it. */
export const rightsTo = (
  accounts: Pick<AccountDirectory, 'byId' | 'reaches'>,
  caller: Account,
  owned: Owned,
): WireRights => ({ owner: namedOwner(accounts, owned.owner), may: mayDo(accounts, caller, owned) });
