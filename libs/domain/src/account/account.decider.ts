import type { AccountCommand, AccountEvent, AccountRole } from './account.events.js';
import type { InstantMs } from '../shared/time.js';
import { accept, assertNever, reject, type Decider, type Decision } from '../shared/decider.js';
import {
  chooseDefault,
  decideProject,
  evolveProjects,
  noProjects,
  startingProjects,
  type ProjectsState,
} from './projects.js';
import { changedQuotas, sameQuotas, type AccountQuotas } from './quotas.js';

interface TokenState {
  readonly isRevoked: boolean;
  readonly expiresAt: InstantMs | undefined;
}

export interface AccountState extends ProjectsState {
  readonly exists: boolean;
  readonly accountId: string;
  readonly email: string;
  readonly role: AccountRole;
  readonly quotas: AccountQuotas;
  readonly isDisabled: boolean;
  readonly organisationId: string | null;
  /** Subjects by issuer. */
  readonly identities: ReadonlyMap<string, string>;
  /** Every token ever issued. */
  readonly tokens: ReadonlyMap<string, TokenState>;
}

/** Tokens of one account that open something: each is another secret to try on every storage request. */
export const MAX_LIVE_TOKENS = 50;

const initial: AccountState = {
  exists: false,
  accountId: '',
  email: '',
  role: 'user',
  quotas: { maxTasks: 0, maxBuckets: 0, maxStorageBytes: 0, maxInstances: 0, maxCores: 0 },
  isDisabled: false,
  organisationId: null,
  identities: new Map(),
  tokens: new Map(),
  ...noProjects,
};

const noSuchAccount = reject('not-found', 'account-not-found', 'No such account');

/**
 * One account. Rejections: `account-exists`, `account-not-found`, `token-not-found`, `token-expired`, `too-many-tokens`, and those of
 * projects. Repeating a command changes nothing.
 */
export const accountDecider: Decider<AccountState, AccountCommand, AccountEvent> = {
  initial,
  decide: (state, command) => {
    if (!state.exists && command.type !== 'CreateAccount') return noSuchAccount;
    switch (command.type) {
      case 'CreateAccount': {
        if (state.exists) return reject('conflict', 'account-exists', `The account ${command.email} exists`);
        const { type: _, identity, ...facts } = command;
        const { accountId, at } = facts;
        return accept<AccountEvent>(
          { type: 'AccountCreated', ...facts },
          ...(identity ? [{ type: 'IdentityLinked', accountId, ...identity, at } as const] : []),
        );
      }
      case 'LinkIdentity':
        return accept(...links(state, command));
      case 'ChangeAccount':
        return accept(...changes(state, command));
      case 'IssueToken':
        return issue(state, command);
      case 'RevokeToken': {
        const { tokenId, at } = command;
        const token = state.tokens.get(tokenId);
        if (!token) return reject('not-found', 'token-not-found', 'No such token');
        return token.isRevoked ? accept() : accept<AccountEvent>({ type: 'TokenRevoked', tokenId, at });
      }
      case 'ChooseSharedProject':
        return chooseDefault(ownerOf(state), state, command.projectId, command.at);
      case 'CreateProject':
      case 'RenameProject':
      case 'ArchiveProject':
      case 'ChangeProjectQuotas':
      case 'ChooseDefaultProject':
      case 'SetProjectMember':
      case 'RemoveProjectMember':
        return decideProject(ownerOf(state), state, command);
      default:
        return assertNever(command);
    }
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'AccountCreated': {
        const { accountId, email, role, quotas, organisationId = null } = event;
        const { projects } = startingProjects(accountId);
        return { ...state, exists: true, accountId, email, role, quotas, organisationId, projects };
      }
      case 'TokenIssued':
        return withToken(state, event.tokenId, { isRevoked: false, expiresAt: event.expiresAt });
      case 'TokenRevoked':
        return withToken(state, event.tokenId, { isRevoked: true, expiresAt: undefined });
      case 'IdentityLinked':
        return { ...state, identities: new Map(state.identities).set(event.issuer, event.subject) };
      case 'IdentityUnlinked': {
        const identities = new Map(state.identities);
        identities.delete(event.issuer);
        return { ...state, identities };
      }
      case 'RoleChanged':
        return { ...state, role: event.role };
      case 'QuotasChanged':
        return { ...state, quotas: event.quotas };
      case 'AccountDisabled':
        return { ...state, isDisabled: true };
      case 'AccountEnabled':
        return { ...state, isDisabled: false };
      case 'OrganisationChanged':
        return { ...state, organisationId: event.organisationId };
      case 'ProjectCreated':
      case 'ProjectRenamed':
      case 'ProjectArchived':
      case 'ProjectQuotasChanged':
      case 'DefaultProjectChosen':
      case 'ProjectMemberSet':
      case 'ProjectMemberRemoved':
        return evolveProjects(state, event);
      case 'OrganisationCreated':
      case 'OrganisationQuotasChanged':
        // Of an organization, which stands under an id of its own.
        return state;
      default:
        return assertNever(event);
    }
  },
};

const ownerOf = ({ accountId }: AccountState) => ({ ownerId: accountId, ownerKind: 'account' as const });

/** Another subject takes the place of the one before. */
const links = (
  { accountId, identities }: AccountState,
  { issuer, subject, at }: Extract<AccountCommand, { type: 'LinkIdentity' }>,
): readonly AccountEvent[] => {
  const before = identities.get(issuer);
  if (before === (subject ?? undefined)) return [];
  return [
    ...(before === undefined ? [] : [{ type: 'IdentityUnlinked', accountId, issuer, subject: before, at } as const]),
    ...(subject === null ? [] : [{ type: 'IdentityLinked', accountId, issuer, subject, at } as const]),
  ];
};

const changes = (
  state: AccountState,
  { role, quotas, isDisabled, organisationId, at }: Extract<AccountCommand, { type: 'ChangeAccount' }>,
): readonly AccountEvent[] => {
  const { accountId } = state;
  const events: AccountEvent[] = [];
  if (role !== undefined && role !== state.role) events.push({ type: 'RoleChanged', accountId, role, at });
  if (quotas !== undefined) {
    const after = changedQuotas(state.quotas, quotas);
    if (!sameQuotas(after, state.quotas)) events.push({ type: 'QuotasChanged', accountId, quotas: after, at });
  }
  if (isDisabled !== undefined && isDisabled !== state.isDisabled)
    events.push({ type: isDisabled ? 'AccountDisabled' : 'AccountEnabled', accountId, at });
  if (organisationId !== undefined && organisationId !== state.organisationId)
    events.push({ type: 'OrganisationChanged', accountId, organisationId, at });
  return events;
};

const issue = (
  state: AccountState,
  command: Extract<AccountCommand, { type: 'IssueToken' }>,
): Decision<AccountEvent> => {
  if (state.tokens.has(command.tokenId)) return accept();
  const { accountId, email, role } = state;
  const { type: _, ...token } = command;
  const isLive = ({ isRevoked, expiresAt }: TokenState): boolean =>
    !isRevoked && (expiresAt === undefined || expiresAt > command.at);
  if (!isLive({ isRevoked: false, expiresAt: command.expiresAt }))
    return reject('invalid', 'token-expired', 'A token must expire in the future');
  if ([...state.tokens.values()].filter(isLive).length >= MAX_LIVE_TOKENS)
    return reject(
      'forbidden',
      'too-many-tokens',
      `Maximum number of tokens reached (${MAX_LIVE_TOKENS}); revoke one first`,
    );
  return accept<AccountEvent>({ type: 'TokenIssued', accountId, email, role, ...token });
};

const withToken = (state: AccountState, tokenId: string, token: TokenState): AccountState => ({
  ...state,
  tokens: new Map(state.tokens).set(tokenId, token),
});
