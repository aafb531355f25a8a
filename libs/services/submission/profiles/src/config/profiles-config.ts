import { intSetting, loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';

const settings = z.object({
  /** Address of the container engine that nodes use; unset when they have none. */
  FORNAX_CONTAINER_ENGINE: z.string().optional(),
  /** `registry`: nodes run tasks in the images that they name. */
  FORNAX_IMAGES: z.enum(['host', 'registry']).default('host'),
  /** Who publishes profiles of an organization: its coordinators, all of its members, or operators alone. */
  FORNAX_PROFILE_PUBLISHERS: z.enum(['operators', 'coordinators', 'members']).default('coordinators'),
  /** What all versions of the profiles of one organization may take, in bytes of JSON. */
  FORNAX_PROFILE_BYTES: intSetting({ min: 65_536, max: 1_000_000_000 }).default(16_777_216),
});

/** What an operator sets about profiles. */
export interface ProfilesConfig {
  /** Whether tasks of image profiles run in the image that they name. */
  readonly runsImages: boolean;
  /** Who publishes profiles of an organization, beside operators. */
  readonly publishers: 'operators' | 'coordinators' | 'members';
  /** Bytes of all versions of the profiles of one organization. */
  readonly mostBytes: number;
}

export const PROFILES_CONFIG = Symbol('fornax.profiles-config');

/** @throws ConfigError */
export const loadProfilesConfig = (env: Env): ProfilesConfig => {
  const {
    FORNAX_CONTAINER_ENGINE: engine,
    FORNAX_IMAGES: images,
    FORNAX_PROFILE_PUBLISHERS: publishers,
    FORNAX_PROFILE_BYTES: mostBytes,
  } = loadConfig(settings, env);
  return Object.freeze({ runsImages: engine !== undefined || images === 'registry', publishers, mostBytes });
};
