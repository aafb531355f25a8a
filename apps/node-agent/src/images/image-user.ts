import { UserError } from '../failure/user-error.js';
import { fileIn } from './file-in.js';
import { folderIn, LayerRefused } from './tree-path.js';

/** Whom a command in an image takes itself for. */
export interface ImageUser {
  readonly uid: number;
  readonly gid: number;
  /** Its home there, if it has one. */
  readonly home?: string;
}

/** What is asked of the files of an image, which are seen as a process in it would: links lead back into it. */
export interface ImageFiles {
  /** @returns undefined: there is no such file  @throws LayerRefused it is longer than that, or links lead in circles */
  read(path: string, mostBytes: number): Promise<string | undefined>;
  /** Whether there is a folder other than the root itself. */
  hasFolder(path: string): Promise<boolean>;
}

/** The files of an image that is unpacked in a folder. */
export const filesOfTree = (tree: string): ImageFiles => ({
  read: (path, mostBytes) => fileIn(tree, path, mostBytes),
  hasFolder: async (path) => {
    const folder = await folderIn(tree, path).catch(() => undefined);
    return folder !== undefined && folder !== tree;
  },
});

/** Some hundred times what a system of many people has. */
const MOST_LIST_BYTES = 1_048_576;
const MOST_ID = 2_147_483_647;
const NAME = /^[A-Za-z_][\w.-]{0,63}\$?$/;
const NUMBER = /^\d{1,10}$/;

/** Lines of /etc/passwd or /etc/group, by their fields. */
const linesOf = async (files: ImageFiles, file: string): Promise<readonly (readonly string[])[]> => {
  const text = (await files.read(file, MOST_LIST_BYTES)) ?? '';
  return text.split('\n').map((line) => line.split(':'));
};

const numberIn = (text = ''): number | undefined =>
  NUMBER.test(text) && Number(text) <= MOST_ID ? Number(text) : undefined;

/** What is no name and no number is refused in these words. */
const oddIn = (text: string): string =>
  `${JSON.stringify(text.slice(0, 100))} is no name and no number of a user or group`;

/** The first line whose name, or whose number, this is. */
const lineFor = (lines: readonly (readonly string[])[], who: string): readonly string[] | undefined =>
  lines.find(([name, , number]) => (NUMBER.test(who) ? numberIn(number) === Number(who) : name === who));

const homeIn = async (files: ImageFiles, home = ''): Promise<string | undefined> => {
  const isOne = /^\/[^\p{Cc}]+$/u.test(home) && !/^\/(job|tmp|run|dev|proc|sys)(\/|$)/.test(home);
  return isOne && (await files.hasFolder(home)) ? home : undefined;
};

/** @throws Error in words of which image or constant it is is for the caller to say */
const groupOf = async (files: ImageFiles, group: string): Promise<number> => {
  const number = numberIn(group);
  if (number !== undefined) return number;
  if (!NAME.test(group)) throw new LayerRefused(oddIn(group));
  const found = numberIn(lineFor(await linesOf(files, '/etc/group'), group)?.[2]);
  if (found === undefined) throw new LayerRefused(`there is no group ${group} in its /etc/group`);
  return found;
};

const find = async (files: ImageFiles, asked: string): Promise<ImageUser> => {
  const [who = '', group, ...rest] = asked.split(':');
  const number = numberIn(who);
  if (rest.length > 0 || (number === undefined && !NAME.test(who))) throw new LayerRefused(oddIn(asked));
  const line = lineFor(await linesOf(files, '/etc/passwd'), who);
  const uid = number ?? numberIn(line?.[2]);
  if (uid === undefined) throw new LayerRefused(`there is no user ${who} in its /etc/passwd`);
  // Numbers that no line knows are users, too, of the group 0 (as engines have it).
  const gid = group === undefined || group === '' ? (numberIn(line?.[3]) ?? 0) : await groupOf(files, group);
  const home = await homeIn(files, line?.[5]);
  return { uid, gid, ...(home === undefined ? {} : { home }) };
};

/**
 * Finds the user that a task or its image names: `name`, `number`, and either with `:group`.
 * @param ofTask what DOCKER_USER says  @param ofImage what the image says where that says nothing
 * @returns undefined: neither names one  @throws UserError there is no such user
 */
export const userIn = async (
  { files, words }: { readonly files: ImageFiles; readonly words: string },
  ofTask: string,
  ofImage: string,
): Promise<ImageUser | undefined> => {
  const asked = ofTask.trim() || ofImage.trim();
  if (asked === '') return undefined;
  try {
    return await find(files, asked);
  } catch (error) {
    if (!(error instanceof LayerRefused)) throw error;
    throw ofTask.trim() === ''
      ? new UserError('FX-IMAGE', `The USER of the image ${words} cannot be had: ${error.message}`)
      : new UserError('FX-CONSTANT', `DOCKER_USER cannot be had in the image ${words}: ${error.message}`);
  }
};
