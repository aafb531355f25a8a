import { readFile, rename, stat } from 'node:fs/promises';
import { loadOrCreateSecret } from './secrets.js';
import { SetupError, describeError, errorCode } from '../process/setup-error.js';

/** A file with a secret that encrypts or guards other data, or that is passed to another program at each start. */
export interface SecretFile {
  readonly path: string;
  readonly create: () => string;
  /** What is wrong with a content that is not empty; undefined when nothing is. */
  readonly flawOf?: (content: string) => string | undefined;
}

type Found = { readonly content: string } | { readonly flaw: string; readonly isThere: boolean };

const read = async ({ path, flawOf = () => undefined }: SecretFile): Promise<Found> => {
  try {
    const content = (await readFile(path, 'utf8')).trim();
    const flaw = content === '' ? 'is empty' : flawOf(content);
    return flaw === undefined ? { content } : { flaw, isThere: true };
  } catch (error) {
    return errorCode(error) === 'ENOENT'
      ? { flaw: 'is missing', isThere: false }
      : { flaw: `cannot be read (${describeError(error)})`, isThere: true };
  }
};

/** Why data cannot be used without its secret, and what to do about it. */
export interface SecretNeed {
  /** What cannot be opened, as the subject of a sentence: `the database in …`. */
  readonly neededBy: string;
  /** What else leads out, beside the file's copy from a backup. One sentence; empty for nothing. */
  readonly otherwise: string;
}

/** The error of a secret file that is gone or wrong, for whoever finds that out only when it is used. */
export const lostSecret = (path: string, flaw: string, { neededBy, otherwise }: SecretNeed): SetupError =>
  new SetupError(
    `The secret file ${path} ${flaw}, and ${neededBy} cannot be opened without it.`,
    `Put it back from a backup of the data folder, then start again.${otherwise === '' ? '' : ` ${otherwise}`}`,
  );

/**
 * The content of a secret that data depends on. A new one is made only while nothing needs it: one made in the place of a lost one would open
 * nothing, and hide that.
 * @param need who needs the secret that was; undefined while nobody does
 * @throws SetupError it is missing, empty, unreadable or wrong although something needs it
 */
export const keepSecret = async (file: SecretFile, need: SecretNeed | undefined): Promise<string> => {
  const found = await read(file);
  if ('content' in found) return found.content;
  if (need !== undefined) throw lostSecret(file.path, found.flaw, need);
  if (found.isThere) await setAside(file.path);
  return loadOrCreateSecret(file.path, file.create);
};

/**
 * The content of a secret that whoever checks it is told anew at each start: one that is gone or wrong is made again.
 * @param onRenewed told in what way the old one was wrong, when there should have been one
 * @throws SetupError it can neither be read nor replaced
 */
export const renewableSecret = async (file: SecretFile, onRenewed?: (flaw: string) => void): Promise<string> => {
  const found = await read(file);
  if ('content' in found) return found.content;
  if (found.isThere) await setAside(file.path);
  const content = await loadOrCreateSecret(file.path, file.create);
  if (found.isThere) onRenewed?.(`${found.flaw}; it is now ${file.path}.bad`);
  else onRenewed?.(found.flaw);
  return content;
};

/** Whatever it is, it may be of use to somebody. */
const setAside = async (path: string): Promise<void> => {
  try {
    if ((await stat(path)).size === 0) return; // an empty file is filled in its place
    await rename(path, `${path}.bad`);
  } catch (cause) {
    throw new SetupError(`The secret file ${path} cannot be used: ${describeError(cause)}.`, undefined, { cause });
  }
};
