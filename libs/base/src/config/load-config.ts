import { readFileSync } from 'node:fs';
import { givenSettings } from '@fornax/contracts';
import { z } from 'zod';

/** Why a process cannot start. The message is meant to be shown as it is, without a stack. */
export class ConfigError extends Error {
  /** @param said what to tell, or every setting that is missing or wrong */
  constructor(said: string | readonly string[]) {
    super(
      typeof said === 'string'
        ? said
        : `cannot start, these settings are wrong:\n${said.map((problem) => `  ${problem}`).join('\n')}`,
    );
    this.name = 'ConfigError';
  }
}

/** The environment of a process. */
export type Env = Readonly<Record<string, string | undefined>>;

const readText = (path: string): string => readFileSync(path, 'utf8');

/**
 * Reads settings once, at start. The keys of the schema are the names of the environment variables; an empty value counts as unset, and
 * `<NAME>_FILE` may name a file that holds the value.
 * @throws ConfigError
 */
export const loadConfig = <S extends z.ZodObject>(schema: S, env: Env): Readonly<z.output<S>> => {
  const { values: given, problems } = givenSettings(Object.keys(schema.shape), env, readText);
  if (problems.length > 0) throw new ConfigError(problems);
  const parsed = schema.safeParse(given);
  if (parsed.success) return Object.freeze(parsed.data);
  throw new ConfigError(
    parsed.error.issues.map(({ path, message, code }) => {
      const name = path.join('.');
      return code === 'invalid_type' && !(name in given) ? `${name} must be set` : `${name}: ${message}`;
    }),
  );
};

/** A whole number of an environment variable, within bounds. */
export const intSetting = (bounds: { readonly min: number; readonly max: number }): z.ZodType<number, string> =>
  z
    .string()
    .regex(/^-?\d+$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().int().min(bounds.min).max(bounds.max));
