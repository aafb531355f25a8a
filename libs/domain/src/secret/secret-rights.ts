import { problemWithSecretKey } from './secret-key.js';

/** Which secrets of its owner an instance may read: those with exactly these keys, and all whose keys begin with one of these prefixes. */
export interface SecretRights {
  readonly keys: readonly string[];
  readonly prefixes: readonly string[];
}

/** Why text is no prefix of keys; undefined when it is one. It may end in the middle of a part, or with a slash: then it is a folder. */
export const problemWithSecretPrefix = (prefix: string): string | undefined => {
  const problem = problemWithSecretKey(prefix.endsWith('/') ? prefix.slice(0, -1) : prefix);
  return problem?.replace(/^A key/, 'A prefix').replace('of a key', 'of a prefix');
};
