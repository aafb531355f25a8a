import type { AccountEvent, OrganisationCommand } from './account.events.js';
import { accept, assertNever, reject, type Decider } from '../shared/decider.js';
import { decideProject, evolveProjects, type ProjectsState } from './projects.js';
import { changedQuotas, sameQuotas, type OrganisationQuotas } from './quotas.js';

export interface OrganisationState extends ProjectsState {
  readonly exists: boolean;
  readonly organisationId: string;
  readonly quotas: OrganisationQuotas;
}

const noSuchOrganisation = reject('not-found', 'organization-not-found', 'No such organization');

/** One organization, an `account` aggregate of its own. Rejections: `organization-exists`, `organization-not-found`, and those of projects. */
export const organisationDecider: Decider<OrganisationState, OrganisationCommand, AccountEvent> = {
  initial: {
    exists: false,
    organisationId: '',
    quotas: { maxInstances: 0, maxCores: 0 },
    projects: new Map(),
    defaultProjectId: undefined,
  },
  decide: (state, command) => {
    if (!state.exists && command.type !== 'CreateOrganisation') return noSuchOrganisation;
    const { organisationId } = state;
    switch (command.type) {
      case 'CreateOrganisation': {
        if (state.exists) return reject('conflict', 'organization-exists', `The organization ${command.name} exists`);
        const { type: _, ...facts } = command;
        return accept<AccountEvent>({ type: 'OrganisationCreated', ...facts });
      }
      case 'ChangeOrganisation': {
        const quotas = changedQuotas(state.quotas, command.quotas);
        if (sameQuotas(quotas, state.quotas)) return accept();
        return accept<AccountEvent>({ type: 'OrganisationQuotasChanged', organisationId, quotas, at: command.at });
      }
      case 'CreateProject':
      case 'RenameProject':
      case 'ArchiveProject':
      case 'ChangeProjectQuotas':
      case 'ChooseDefaultProject':
      case 'SetProjectMember':
      case 'RemoveProjectMember':
        return decideProject({ ownerId: organisationId, ownerKind: 'organisation' }, state, command);
      default:
        return assertNever(command);
    }
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'OrganisationCreated':
        return { ...state, exists: true, organisationId: event.organisationId, quotas: event.quotas };
      case 'OrganisationQuotasChanged':
        return { ...state, quotas: event.quotas };
      case 'ProjectCreated':
      case 'ProjectRenamed':
      case 'ProjectArchived':
      case 'ProjectQuotasChanged':
      case 'DefaultProjectChosen':
      case 'ProjectMemberSet':
      case 'ProjectMemberRemoved':
        return evolveProjects(state, event);
      default:
        // Of an account, which stands under an id of its own.
        return state;
    }
  },
};
