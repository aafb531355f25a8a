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

/** What an instance asks for of what it may read: one secret, or all in a folder, which ends with a slash (empty: everywhere). */
export type SecretWish = { readonly key: string } | { readonly below: string };

/** The part of rights that a wish is about: nothing that the rights do not name. */
export const rightsWithin = ({ keys, prefixes }: SecretRights, wish: SecretWish): SecretRights => {
  if ('key' in wish) {
    const { key } = wish;
    const isNamed = keys.includes(key) || prefixes.some((prefix) => key.startsWith(prefix));
    return { keys: isNamed ? [key] : [], prefixes: [] };
  }
  const { below } = wish;
  return {
    keys: keys.filter((key) => key.startsWith(below)),
    prefixes: prefixes.flatMap((prefix) =>
      prefix.startsWith(below) ? [prefix] : below.startsWith(prefix) ? [below] : [],
    ),
  };
};
