import { Inject, Injectable } from '@nestjs/common';
import type { WireProfile } from '@fornax/contracts';
import {
  compiledProfile,
  isBuiltIn,
  latestProfile,
  latestProfiles,
  MOST_WAYS_IN,
  portsLeftOut,
  mayUseProfile,
  PLACEHOLDER_IMAGE,
  profileOf,
  rulesWithoutEffect,
  shippedProfiles,
  taskProfileOf,
  type OfProfile,
  type Profile,
  type ProfileNeed,
  type ProfileUser,
  type TaskProfile,
} from '@fornax/domain';
import type { Account } from '@fornax/identity';
import { Owners, ownersFor } from './model/owners.js';
import type { ProfileRecord } from './model/profile-rows.js';
import { PROFILES_CONFIG, type ProfilesConfig } from './config/profiles-config.js';
import { WAYS_CONFIG, type WaysConfig } from './config/ways-config.js';
import { ProfileReader } from './queries/profile-reader.js';

/** The profile of a new task, with the version of it that somebody published, or why it cannot have it. */
export type ProfileAnswer =
  { readonly profile: Profile; readonly published?: TaskProfile } | { readonly refusal: string };

/** Who asks for a profile. */
export interface ProfileAsking {
  readonly account: Account;
  /** The project of the task; undefined: of whoever only looks. */
  readonly projectId?: string | undefined;
  /** The profile of the task that a new one is made from: it keeps its version. */
  readonly origin?: OfProfile | undefined;
}

/** What the nodes of this platform have. An image is not asked for: without an engine its command runs in the sandbox, and the task says so. */
const OFFERED: ReadonlySet<ProfileNeed> = new Set<ProfileNeed>(['image']);
/** What connections that are carried to other instances and from outside make possible. */
const WAYS: ReadonlySet<ProfileNeed> = new Set<ProfileNeed>(['ssh', 'cluster']);
const WORDS: Readonly<Record<ProfileNeed, string>> = {
  image: 'a container engine',
  gpu: 'a graphics processor',
  ssh: 'a way into an instance, over SSH or another port',
  cluster: 'a network of its own between the instances',
};

const hostFilesystemNote = (profile: string): string =>
  `Images are not run here (FORNAX_IMAGES=host): ${profile} ran its command in a sandbox on the node's own root file system, read-only; DOCKER_REPO and DOCKER_TAG had no effect.`;
const CREDENTIALS_NOTE =
  'exportApiAndStorageCredentialsInEnvironment has no effect here: nodes are never given a token of the account.';

/** What a creation may ask for, is given back as it came, and is not acted on: by the field of the echo, when it says something. */
const WITHOUT_EFFECT: readonly (readonly [field: string, note: string])[] = [
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

const NO_WAYS_NOTE = 'forcedNetworkRules has no effect here: ports of instances are not forwarded (FORNAX_WAYS=off).';

const unknown = (name: string): ProfileAnswer => ({ refusal: `No such profile: ${name}` });
/** What to do about a document that nobody has filled in. */
const withoutImage = (name: string): ProfileAnswer => ({
  refusal: `The profile ${name} names no image yet. Whoever may publish profiles writes it to a file (fornax profiles show ${name} > ${name}.yaml), fills in its image, and publishes it (fornax profiles publish ${name}.yaml).`,
});

/** The profiles that tasks of this platform may have: only what its nodes can run, and what who asks may use. */
@Injectable()
export class ProfileCatalogue {
  constructor(
    @Inject(PROFILES_CONFIG) private readonly config: Pick<ProfilesConfig, 'runsImages'>,
    @Inject(WAYS_CONFIG) private readonly ways: Pick<WaysConfig, 'isOn'>,
    private readonly reader: ProfileReader,
    private readonly owners: Owners,
  ) {}

  /** Those of the platform itself, and then, by name, those that somebody published. */
  async names(account: Account): Promise<readonly string[]> {
    const own = latestProfiles()
      .filter((profile) => this.lacking(profile).length === 0)
      .map(({ name }) => name);
    const rows = await this.reader.newest(ownersFor(account));
    const names = new Set(rows.map(({ name }) => name));
    const published = [...names].filter((name) => {
      const row = this.chosen(
        rows.filter((one) => one.name === name),
        account,
        this.owners.userOf(account),
      );
      return row !== undefined && row.retired_ms === null && !('refusal' in this.ofRow(row));
    });
    return [...own, ...published];
  }

  async answer(name: string, { account, projectId, origin }: ProfileAsking): Promise<ProfileAnswer> {
    const known = latestProfile(name);
    if (known) return this.offered({ profile: known });
    const user = this.owners.userOf(account, projectId);
    const kept = origin?.profile === name ? origin.publishedProfile : undefined;
    const owners = kept === undefined ? ownersFor(account) : ownersFor(account).filter((owner) => owner === kept.owner);
    const row = this.chosen(await this.reader.named(name, owners), account, user);
    if (row === undefined) {
      const isShipped = kept === undefined && shippedProfiles.some((document) => document.name === name);
      return isShipped ? withoutImage(name) : unknown(name);
    }
    if (kept !== undefined && origin !== undefined) {
      const profile = profileOf(origin);
      return profile ? this.offered({ profile, published: kept }) : unknown(name);
    }
    if (row.retired_ms !== null)
      return {
        refusal: `The profile ${name} is retired: it takes no new tasks. Copies of those that have it still run.`,
      };
    return this.ofRow(row);
  }

  async describe(name: string, account: Account): Promise<WireProfile | undefined> {
    // PostgreSQL takes no NUL, and no profile has one.
    if (name.includes('\0')) return undefined;
    const found = await this.answer(name, { account });
    if ('refusal' in found) return undefined;
    // What no task may set and has no value is nothing that anybody has to know.
    const shown = found.profile.constants.filter((one) => one.value !== undefined || one.isReadOnly !== true);
    const constants = shown.map(({ name: constant, value = '', description }) => ({
      name: constant,
      value,
      description,
    }));
    const { profile, published } = found;
    const own = new Set(published?.constants.map((one) => one.name));
    const typed = shown.map((one) => ({
      name: one.name,
      type: one.type,
      isReadOnly: one.isReadOnly === true,
      isOwn: own.has(one.name),
      allowed: one.allowed === undefined ? null : [...one.allowed],
      smallest: one.min ?? null,
      largest: one.max ?? null,
    }));
    const fornax = { profileVersion: profile.version, isPublished: published !== undefined, constants: typed };
    return { name, constants, licenses: [], fornax };
  }

  /** The one that somebody means by a name: of its organization, or else of the platform. */
  private chosen(rows: readonly ProfileRecord[], account: Account, user: ProfileUser): ProfileRecord | undefined {
    const usable = rows.filter(({ owner, document }) => mayUseProfile(owner, document, user));
    const living = usable.filter((row) => row.retired_ms === null);
    return ownersFor(account)
      .flatMap((owner) => (living.length > 0 ? living : usable).find((row) => row.owner === owner) ?? [])
      .at(0);
  }

  private ofRow({ owner, name, version, document }: ProfileRecord): ProfileAnswer {
    // The platform has come to have one of this name: it is nobody else's.
    if (isBuiltIn(name)) return unknown(name);
    if (document.image === PLACEHOLDER_IMAGE) return withoutImage(name);
    const published = taskProfileOf(owner, document);
    const profile = compiledProfile(name, version, document);
    return this.offered({ profile, published });
  }

  private offered(found: Extract<ProfileAnswer, { profile: Profile }>): ProfileAnswer {
    const missing = this.lacking(found.profile).map((need) => WORDS[need]);
    return missing.length === 0
      ? found
      : { refusal: `The profile ${found.profile.name} needs ${missing.join(' and ')}, which no node here has.` };
  }

  /** What the owner of a task should know about how it is run. */
  notesFor(spec: OfProfile & { readonly echo: Readonly<Record<string, unknown>> }): readonly string[] {
    const usesImage = profileOf(spec)?.needs.includes('image') === true;
    const privileges = spec.echo['privileges'];
    const wantsCredentials =
      typeof privileges === 'object' &&
      privileges !== null &&
      'exportApiAndStorageCredentialsInEnvironment' in privileges &&
      privileges.exportApiAndStorageCredentialsInEnvironment === true;
    return [
      ...(usesImage && !this.config.runsImages ? [hostFilesystemNote(spec.profile)] : []),
      ...(wantsCredentials ? [CREDENTIALS_NOTE] : []),
      ...this.notesOfRules(spec),
      ...WITHOUT_EFFECT.flatMap(([field, note]) => (saysSomething(spec.echo[field]) ? [note] : [])),
    ];
  }

  private notesOfRules(spec: OfProfile & { readonly echo: Readonly<Record<string, unknown>> }): readonly string[] {
    if (!this.ways.isOn) return saysSomething(spec.echo['forcedNetworkRules']) ? [NO_WAYS_NOTE] : [];
    const leftOut = portsLeftOut(spec);
    return [
      ...rulesWithoutEffect(spec).map((rule) => `A rule of forcedNetworkRules has no effect, ${rule}.`),
      ...(leftOut.length === 0
        ? []
        : [`An instance has ${MOST_WAYS_IN} forwards at most: these ports are not forwarded: ${leftOut.join(', ')}.`]),
    ];
  }

  private lacking({ needs }: Profile): readonly ProfileNeed[] {
    return needs.filter((need) => !OFFERED.has(need) && !(WAYS.has(need) && this.ways.isOn));
  }
}
