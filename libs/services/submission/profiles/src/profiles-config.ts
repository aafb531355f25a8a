import { loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';

const settings = z.object({
  /** Address of the container engine that nodes use; unset when they have none. */
  FORNAX_CONTAINER_ENGINE: z.string().optional(),
  /** `registry`: nodes run tasks in the images that they name. */
  FORNAX_IMAGES: z.enum(['host', 'registry']).default('host'),
});

/** What an operator sets about profiles. */
export interface ProfilesConfig {
  /** Whether tasks of image profiles run in the image that they name. */
  readonly runsImages: boolean;
}

export const PROFILES_CONFIG = Symbol('fornax.profiles-config');

/** @throws ConfigError */
export const loadProfilesConfig = (env: Env): ProfilesConfig => {
  const { FORNAX_CONTAINER_ENGINE: engine, FORNAX_IMAGES: images } = loadConfig(settings, env);
  return Object.freeze({ runsImages: engine !== undefined || images === 'registry' });
};
