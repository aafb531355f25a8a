import type { TaskSpec } from '../task/task.events.js';
import type { Profile } from './profile.js';
import { profileAt } from './profiles.js';
import { compiledProfile } from './compiled-profile.js';

/** The part of a task or a pool that says which profile it has. */
export type OfProfile = Pick<TaskSpec, 'profile' | 'profileVersion' | 'publishedProfile'>;

/** The profile as it was when the task was submitted; undefined when nobody knows it any more. */
export const profileOf = ({ profile, profileVersion, publishedProfile }: OfProfile): Profile | undefined =>
  publishedProfile === undefined
    ? profileAt(profile, profileVersion)
    : compiledProfile(profile, profileVersion, publishedProfile);
