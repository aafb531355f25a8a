import { accept, reject, type Decider } from '../shared/decider.js';
import type { ProfileCommand, ProfileDocument, ProfileEvent } from '../profile-document/profile-document.js';
import { profileFaults } from './profile-faults.js';

/** Versions that one profile can have: whoever publishes in a loop is stopped. */
export const MOST_PROFILE_VERSIONS = 1_000;

export interface PublishedProfileState {
  /** The newest version; 0 before the first. */
  readonly version: number;
  readonly isRetired: boolean;
  /** What the newest version says. */
  readonly document?: ProfileDocument;
}

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  );
};

const isSame = (one: ProfileDocument | undefined, other: ProfileDocument): boolean =>
  JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));

/**
 * A published profile: one name of one owner. What is published again as it is makes no version. Rejections: `bad-profile`, `profile-versions` (it has too
 * many), `no-profile`.
 */
export const profileDecider: Decider<PublishedProfileState, ProfileCommand, ProfileEvent> = {
  initial: { version: 0, isRetired: false },
  decide: (state, command) => {
    if (command.type === 'RetireProfile') {
      const { owner, name, at } = command;
      if (state.version === 0) return reject('not-found', 'no-profile', `No such profile: ${name}`);
      return state.isRetired ? accept() : accept({ type: 'ProfileRetired', owner, name, version: state.version, at });
    }
    const { owner, document, at } = command;
    const [fault] = profileFaults(document);
    if (fault) return reject('invalid', 'bad-profile', `${fault.path.join('.')}: ${fault.detail}`);
    if (!state.isRetired && isSame(state.document, document)) return accept();
    if (state.version >= MOST_PROFILE_VERSIONS)
      return reject(
        'conflict',
        'profile-versions',
        `The profile ${document.name} has ${state.version} versions: give the next one another name.`,
      );
    return accept({ type: 'ProfilePublished', owner, version: state.version + 1, document, at });
  },
  evolve: (state, event) =>
    event.type === 'ProfilePublished'
      ? { version: event.version, isRetired: false, document: event.document }
      : { ...state, isRetired: true },
};
