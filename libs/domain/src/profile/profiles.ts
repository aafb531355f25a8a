import { dockerProfiles } from './docker.profiles.js';
import type { Profile } from './profile.js';
import { shellProfile } from './shell.profile.js';

/** Every version of every profile, oldest version first. */
const PROFILES: readonly Profile[] = [...dockerProfiles, shellProfile];
const byVersion = new Map(PROFILES.map((profile) => [`${profile.name}@${profile.version}`, profile]));
const latest = new Map(PROFILES.map((profile) => [profile.name, profile]));

/** The newest version of each profile, in a stable order. */
export const latestProfiles = (): readonly Profile[] => [...latest.values()];

export const latestProfile = (name: string): Profile | undefined => latest.get(name);

/** The profile as it was when the task was submitted. */
export const profileAt = (name: string, version: number): Profile | undefined => byVersion.get(`${name}@${version}`);
