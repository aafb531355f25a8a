import { UsageError } from '../terminal/usage-error.js';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Where the platform is and who asks. */
export interface Connection {
  readonly url: string;
  readonly token: string;
}

export type Env = Readonly<Record<string, string | undefined>>;

export { UsageError };

const LINE = /^\s*(?:export\s+)?([A-Z_][A-Z0-9_]*)=(.*)$/;

/** Undoes the quoting that a POSIX shell would undo. */
const unquoted = (text: string): string =>
  text
    .trim()
    .replace(
      /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g,
      (_, single?: string, double?: string, escaped?: string) =>
        single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
    );

/** The variables of an `env` file as `npm start` writes it. */
export const parseEnvFile = (text: string): Env =>
  Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const [, name, value] = LINE.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, unquoted(value)]];
    }),
  );

const readEnvFile = (file: string): Env => {
  try {
    return parseEnvFile(readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
};

/**
 * QARNOT_CLUSTER_URL and QARNOT_CLIENT_TOKEN of the environment, else those of the file `env` in FORNAX_DATA_DIR (default .fornax).
 * @throws UsageError
 */
export const findConnection = (env: Env, cwd: string): Connection => {
  const file = resolve(cwd, env['FORNAX_DATA_DIR'] ?? '.fornax', 'env');
  const known = { ...readEnvFile(file), ...defined(env) };
  const url = known['QARNOT_CLUSTER_URL'];
  const token = known['QARNOT_CLIENT_TOKEN'];
  if (url === undefined || token === undefined) {
    throw new UsageError(
      `No platform to talk to. Set QARNOT_CLUSTER_URL and QARNOT_CLIENT_TOKEN, or FORNAX_DATA_DIR to the data folder of a platform ` +
        `that runs on this machine (${file} does not have them).`,
    );
  }
  return { url, token };
};

const defined = (env: Env): Env =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
