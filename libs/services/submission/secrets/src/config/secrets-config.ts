import { intSetting, loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';

const settings = z.object({
  /** Accesses to secrets of one account that are listed, the newest. The event log keeps all. */
  FORNAX_SECRET_ACCESSES_KEPT: intSetting({ min: 1, max: 1_000_000_000 }).default(1_000_000),
});

/** What an operator sets about secrets. */
export interface SecretsConfig {
  readonly accessesKept: number;
}

export const SECRETS_CONFIG = Symbol('fornax.secrets-config');

/** @throws ConfigError */
export const loadSecretsConfig = (env: Env): SecretsConfig =>
  Object.freeze({ accessesKept: loadConfig(settings, env).FORNAX_SECRET_ACCESSES_KEPT });
