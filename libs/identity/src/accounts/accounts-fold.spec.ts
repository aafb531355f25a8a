import { describe, expect, it } from '@jest/globals';
import {
  accountDecider,
  organisationDecider,
  type AccountCommand,
  type AccountEvent,
  type OrganisationCommand,
} from '@fornax/domain';
import fc from 'fast-check';
import { AccountsFold } from './accounts-fold.js';

const at = 1;
const ACCOUNTS = ['ada', 'bob'];
const ORGANISATIONS = ['acme', 'initech'];
const quotas = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 1, maxCores: 1 };
const projectId = fc.constantFrom('p1', 'p2', 'p3', 'p4', ...ACCOUNTS);
const projectCommand = fc.oneof(
  fc.record({
    type: fc.constant('CreateProject' as const),
    projectId,
    name: fc.constantFrom('X', 'Y'),
    description: fc.constant(''),
    at: fc.constant(at),
  }),
  fc.record({
    type: fc.constant('SetProjectMember' as const),
    projectId,
    accountId: fc.constantFrom(...ACCOUNTS),
    role: fc.constantFrom('viewer' as const, 'member' as const, 'maintainer' as const),
    at: fc.constant(at),
  }),
  fc.record({
    type: fc.constant('RemoveProjectMember' as const),
    projectId,
    accountId: fc.constantFrom(...ACCOUNTS),
    at: fc.constant(at),
  }),
  fc.record({ type: fc.constant('RenameProject' as const), projectId, name: fc.string(), at: fc.constant(at) }),
  fc.record({
    type: fc.constantFrom('ArchiveProject' as const, 'ChooseDefaultProject' as const),
    projectId,
    at: fc.constant(at),
  }),
);
const accountCommand: fc.Arbitrary<AccountCommand> = fc.oneof(
  projectCommand,
  fc.record({ type: fc.constant('ChooseSharedProject' as const), projectId, at: fc.constant(at) }),
  fc.record(
    {
      type: fc.constant('ChangeAccount' as const),
      role: fc.constantFrom('user' as const, 'auditor' as const),
      isDisabled: fc.boolean(),
      organisationId: fc.constantFrom(null, ...ORGANISATIONS),
      quotas: fc.record({ maxTasks: fc.nat() }),
      at: fc.constant(at),
    },
    { requiredKeys: ['type', 'at'] },
  ),
);
const step = fc.oneof(
  fc.record({ id: fc.constantFrom(...ACCOUNTS), command: accountCommand }),
  fc.record({ organisation: fc.constantFrom(...ORGANISATIONS), command: projectCommand }),
);

/** Deciders of all that there is, and the fold that follows them. A project's id is one owner's alone, as with random ids. */
class World {
  readonly fold = new AccountsFold();
  readonly accounts = new Map(ACCOUNTS.map((id) => [id, accountDecider.initial]));
  readonly organisations = new Map(ORGANISATIONS.map((id) => [id, organisationDecider.initial]));

  constructor() {
    for (const accountId of ACCOUNTS)
      this.account(accountId, { type: 'CreateAccount', accountId, email: `${accountId}@x`, role: 'user', quotas, at });
    for (const organisationId of ORGANISATIONS)
      this.organisation(organisationId, {
        type: 'CreateOrganisation',
        organisationId,
        name: organisationId,
        quotas,
        at,
      });
  }

  account(id: string, command: AccountCommand): void {
    const state = this.accounts.get(id) ?? accountDecider.initial;
    const events = this.eventsOf(id, accountDecider.decide(state, command));
    this.accounts.set(id, events.reduce(accountDecider.evolve, state));
  }

  organisation(id: string, command: OrganisationCommand): void {
    const state = this.organisations.get(id) ?? organisationDecider.initial;
    const events = this.eventsOf(id, organisationDecider.decide(state, command));
    this.organisations.set(id, events.reduce(organisationDecider.evolve, state));
  }

  private eventsOf(owner: string, decision: ReturnType<typeof accountDecider.decide>): readonly AccountEvent[] {
    if ('rejection' in decision) return [];
    const isTaken = decision.events.some(
      (event) => event.type === 'ProjectCreated' && (this.fold.project(event.projectId)?.ownerId ?? owner) !== owner,
    );
    if (isTaken) return [];
    for (const event of decision.events) this.fold.apply(event);
    return decision.events;
  }
}

describe('the fold of accounts', () => {
  it('shows what the deciders know, and always exactly one default project that its account may use', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const world = new World();
        for (const one of steps)
          if ('id' in one) world.account(one.id, one.command);
          else world.organisation(one.organisation, one.command);
        for (const [id, state] of world.accounts) {
          const account = world.fold.accounts.get(id);
          if (!account) throw new Error(`no account ${id}`);
          const { role, isDisabled, organisationId } = state;
          expect(account).toMatchObject({ role, isDisabled, organisationId, quotas: state.quotas });
          expect(world.fold.projectsOf(id).map((project) => [project.id, project.name, project.isArchived])).toEqual(
            [...state.projects].map(([known, project]) => [known, project.name, project.isArchived]),
          );
          const usable = world.fold.usableBy(account);
          expect(usable.filter(({ isDefault }) => isDefault)).toHaveLength(1);
          for (const { ownerId, isArchived } of usable)
            expect([ownerId === id || ownerId === organisationId, isArchived]).toEqual([true, false]);
        }
      }),
    );
  });
});
