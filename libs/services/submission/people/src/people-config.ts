import { intSetting, loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';

const settings = z.object({
  /** The first account; made at start if it does not exist. */
  FORNAX_BOOTSTRAP_EMAIL: z.string().optional(),
  /** The first account's token, or the file that holds it. */
  FORNAX_BOOTSTRAP_TOKEN: z.string().optional(),
  FORNAX_BOOTSTRAP_TOKEN_FILE: z.string().optional(),
  /** How long a browser stays signed in. */
  FORNAX_SESSION_HOURS: intSetting({ min: 1, max: 8_760 }).default(168),
});

const HOUR_MS = 3_600_000;

/** What an operator sets about people. */
export interface PeopleConfig {
  readonly bootstrap:
    { readonly email: string; readonly token: { readonly text: string } | { readonly file: string } } | undefined;
  /** How long a browser stays signed in. */
  readonly sessionMs: number;
}

export const PEOPLE_CONFIG = Symbol('fornax.people-config');

/** @throws ConfigError */
export const loadPeopleConfig = (env: Env): PeopleConfig => {
  const values = loadConfig(settings, env);
  const { FORNAX_BOOTSTRAP_EMAIL: email, FORNAX_BOOTSTRAP_TOKEN: text, FORNAX_BOOTSTRAP_TOKEN_FILE: file } = values;
  const token = text !== undefined ? { text } : file !== undefined ? { file } : undefined;
  const bootstrap = email !== undefined && token !== undefined ? { email, token } : undefined;
  return Object.freeze({ bootstrap, sessionMs: values.FORNAX_SESSION_HOURS * HOUR_MS });
};
