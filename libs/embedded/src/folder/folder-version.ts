import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DATA_FORMAT } from '@fornax/contracts';
import { SetupError, errorCode } from '../process/setup-error.js';
import { writePrivateFile } from '../secret/secrets.js';

/**
 * One step from a format to the next. It may be killed anywhere and is run again from its beginning, so it must be safe to repeat; what it
 * replaces stays until the replacement is whole.
 */
export interface FolderMigration {
  /** The format that the folder has afterwards; it had the one before. */
  readonly to: number;
  /** What is done, for the screen: `moves the objects below their buckets`. */
  readonly what: string;
  up(folder: string): Promise<void>;
}

/** Every step since format 1, in order. Most changes need none: events, tables and projections have ways of their own (ADR 0029). */
export const FOLDER_MIGRATIONS: readonly FolderMigration[] = [
  {
    to: 2,
    what: 'output and webhooks get schemas of their own in the database (when it is opened)',
    // The schemas move by themselves, wherever the database is; this keeps older programs, which would begin with empty ones, from the folder.
    up: () => Promise.resolve(),
  },
];

/** The format that a folder has, and the one it may have in part, because a step to it was begun and not finished. */
export interface FolderFormat {
  readonly whole: number;
  readonly begun: number;
}

const SETTING = 'Set FORNAX_DATA_DIR to another folder';

/**
 * The steps that bring a folder up to this program's format, those that were begun included. Pure.
 * @returns undefined when the folder, or a part of it, is of a newer format than the program's
 */
export const stepsFrom = (
  { whole, begun }: FolderFormat,
  migrations: readonly FolderMigration[],
  own = DATA_FORMAT,
): readonly FolderMigration[] | undefined =>
  Math.max(whole, begun) > own ? undefined : migrations.filter(({ to }) => to > whole && to <= own);

/** `VERSION`, which programs since the first release look at: the highest format that anything in the folder may have. */
const LIMIT_FILE = 'VERSION';
/** What the folder has as a whole, and what wrote it. */
const WHOLE_FILE = 'version.json';

const readIfPresent = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  });

const numberIn = (text: string): number | undefined => (/^[1-9]\d{0,8}$/.test(text.trim()) ? Number(text) : undefined);

const wholeFormatIn = (text: string): number | undefined => {
  try {
    const json: unknown = JSON.parse(text);
    const isStated = typeof json === 'object' && json !== null && 'format' in json;
    return isStated ? numberIn(String(json.format)) : undefined;
  } catch {
    return undefined;
  }
};

const unknownFormat = (folder: string, found: string): SetupError =>
  new SetupError(
    `The data folder ${folder} has version ${found}, this release reads version ${DATA_FORMAT}.`,
    `${SETTING}, or start the release that made it.`,
  );

/**
 * Reads the format of a folder and changes nothing. @returns undefined for a folder that is not there, or has nothing of ours yet
 * @throws SetupError it is of a newer release, of nobody knows which, or somebody else's
 */
export const readFolderFormat = async (folder: string): Promise<FolderFormat | undefined> => {
  const [limitText, wholeText] = [
    await readIfPresent(join(folder, LIMIT_FILE)),
    await readIfPresent(join(folder, WHOLE_FILE)),
  ];
  if (limitText === undefined && wholeText === undefined) {
    const names = await readdir(folder).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return [];
      throw error;
    });
    if (names.every((name) => name === 'tools')) return undefined;
    throw new SetupError(`The folder ${folder} is not empty and was not made by Fornax.`, `${SETTING}.`);
  }
  const begun = numberIn(limitText ?? '');
  const whole = wholeText === undefined ? begun : wholeFormatIn(wholeText);
  if (begun === undefined || whole === undefined) throw unknownFormat(folder, (limitText ?? '').trim() || '(none)');
  const format = { whole, begun };
  if (stepsFrom(format, []) === undefined) throw unknownFormat(folder, String(Math.max(whole, begun)));
  return format;
};

const state = async (folder: string, format: number): Promise<void> => {
  await writePrivateFile(join(folder, WHOLE_FILE), `${JSON.stringify({ format })}\n`);
};

/**
 * Brings a folder up to this program's format, or says in a new one that it has it. Killed anywhere, the next call goes on: from the moment that a
 * step may have begun, programs that do not know its format leave the folder alone.
 */
export const migrateFolder = async (
  folder: string,
  found: FolderFormat | undefined,
  {
    migrations = FOLDER_MIGRATIONS,
    own = DATA_FORMAT,
    onProgress,
  }: {
    readonly migrations?: readonly FolderMigration[];
    readonly own?: number;
    readonly onProgress: (message: string) => void;
  },
): Promise<void> => {
  const steps = found === undefined ? [] : (stepsFrom(found, migrations, own) ?? []);
  for (const [index, { to, what, up }] of steps.entries()) {
    onProgress(`the data folder is brought to version ${to} (step ${index + 1} of ${steps.length}): ${what}`);
    await writePrivateFile(join(folder, LIMIT_FILE), `${to}\n`);
    await up(folder);
    await state(folder, to);
  }
  if (found === undefined) await writePrivateFile(join(folder, LIMIT_FILE), `${own}\n`);
  // A folder of a release that did not state it has the format of its VERSION.
  if (steps.length === 0 && (await readIfPresent(join(folder, WHOLE_FILE))) === undefined) await state(folder, own);
};
