import { Inject, Injectable } from '@nestjs/common';
import type { WireProfile } from '@fornax/contracts';
import { latestProfile, latestProfiles, profileAt, type Profile, type ProfileNeed } from '@fornax/domain';
import { PROFILES_CONFIG, type ProfilesConfig } from './profiles-config.js';

/** The profile of a new task, or why it cannot have it. */
export type ProfileAnswer = { readonly profile: Profile } | { readonly refusal: string };

/** What the nodes of this platform have. An image is not asked for: without an engine its command runs in the sandbox, and the task says so. */
const OFFERED: ReadonlySet<ProfileNeed> = new Set<ProfileNeed>(['image']);
const WORDS: Readonly<Record<ProfileNeed, string>> = {
  image: 'a container engine',
  gpu: 'a graphics processor',
  ssh: 'a way into an instance over SSH',
  cluster: 'a network of its own between the instances',
};

const hostFilesystemNote = (profile: string): string =>
  `Images are not run here (FORNAX_IMAGES=host): ${profile} ran its command in a sandbox on the node's own root file system, read-only; DOCKER_REPO and DOCKER_TAG had no effect.`;
const CREDENTIALS_NOTE =
  'exportApiAndStorageCredentialsInEnvironment has no effect here: nodes are never given a token of the account.';

/** What a creation may ask for, is given back as it came, and is not acted on: by the field of the echo, when it says something. */
const WITHOUT_EFFECT: readonly (readonly [field: string, note: string])[] = [
  [
    'forcedNetworkRules',
    'forcedNetworkRules has no effect here: nothing is forwarded to instances in this version of Fornax.',
  ],
  [
    'targetedReservedMachineKey',
    'targetedReservedMachineKey has no effect here: there are no reserved machines in this version of Fornax.',
  ],
  [
    'targetedReservationName',
    'targetedReservationName has no effect here: there are no reservations in this version of Fornax.',
  ],
];

/** Whether a value, or anything inside of it, is more than empty. */
const saysSomething = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === 'object' && value !== null) return Object.values(value).some(saysSomething);
  return value !== undefined && value !== null && value !== '';
};

const lacking = ({ needs }: Profile): readonly ProfileNeed[] => needs.filter((need) => !OFFERED.has(need));

/** The profiles that tasks of this platform may have: only what its nodes can run. */
@Injectable()
export class ProfileCatalogue {
  constructor(@Inject(PROFILES_CONFIG) private readonly config: Pick<ProfilesConfig, 'runsImages'>) {}

  names(): readonly string[] {
    return latestProfiles()
      .filter((profile) => lacking(profile).length === 0)
      .map(({ name }) => name);
  }

  answer(name: string): ProfileAnswer {
    const profile = latestProfile(name);
    if (!profile) return { refusal: `No such profile: ${name}` };
    const missing = lacking(profile).map((need) => WORDS[need]);
    return missing.length === 0
      ? { profile }
      : { refusal: `The profile ${name} needs ${missing.join(' and ')}, which no node here has.` };
  }

  describe(name: string): WireProfile | undefined {
    const found = this.answer(name);
    if ('refusal' in found) return undefined;
    const constants = found.profile.constants.map(({ name: constant, value = '', description }) => ({
      name: constant,
      value,
      description,
    }));
    return { name, constants, licenses: [] };
  }

  /** What the owner of a task should know about how it is run. */
  notesFor(spec: {
    readonly profile: string;
    readonly profileVersion: number;
    readonly echo: Readonly<Record<string, unknown>>;
  }): readonly string[] {
    const usesImage = profileAt(spec.profile, spec.profileVersion)?.needs.includes('image') === true;
    const privileges = spec.echo['privileges'];
    const wantsCredentials =
      typeof privileges === 'object' &&
      privileges !== null &&
      'exportApiAndStorageCredentialsInEnvironment' in privileges &&
      privileges.exportApiAndStorageCredentialsInEnvironment === true;
    return [
      ...(usesImage && !this.config.runsImages ? [hostFilesystemNote(spec.profile)] : []),
      ...(wantsCredentials ? [CREDENTIALS_NOTE] : []),
      ...WITHOUT_EFFECT.flatMap(([field, note]) => (saysSomething(spec.echo[field]) ? [note] : [])),
    ];
  }
}
