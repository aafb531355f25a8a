import { loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';

const settings = z.object({
  /** Address of the container engine that nodes use; unset when they have none. */
  FORNAX_CONTAINER_ENGINE: z.string().optional(),
});

/** What an operator sets about profiles. */
export interface ProfilesConfig {
  readonly hasContainerEngine: boolean;
}

export const PROFILES_CONFIG = Symbol('fornax.profiles-config');

/** @throws ConfigError */
export const loadProfilesConfig = (env: Env): ProfilesConfig =>
  Object.freeze({ hasContainerEngine: loadConfig(settings, env).FORNAX_CONTAINER_ENGINE !== undefined });
