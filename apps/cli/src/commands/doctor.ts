import { resolve } from 'node:path';
import type { Command } from 'commander';
import {
  dataFolderAt,
  lookAtDisk,
  lookAtFlushing,
  lookAtFreePorts,
  lookAtProcesses,
  type DataFolder,
} from '../doctor/data-folder.js';
import { showFindings, type Finding } from '../doctor/finding.js';
import { lookAtApi, lookAtPlatform, lookAtToken } from '../doctor/platform.js';
import { findConnection, UsageError } from '../session/connection.js';
import type { Io } from '../terminal/io.js';
import type { OutputWish } from '../terminal/output.js';
import { versionOf } from '../version.js';

interface Options extends OutputWish {
  readonly dataDir?: string;
}

/** Where the platform is, or why nobody knows. */
const placeOf = (io: Io): { readonly url: string } | Finding => {
  try {
    return findConnection(io.env, io.cwd);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return {
      check: 'connection',
      verdict: 'problem',
      found: error.message,
      ways: [
        'On this machine: npm start, then source .fornax/env. Elsewhere: an operator names the URL and makes a token.',
      ],
    };
  }
};

const lookAtFolder = async (io: Io, folder: DataFolder): Promise<readonly Finding[]> => {
  const looks = await Promise.all([
    lookAtProcesses(folder),
    lookAtFreePorts(folder),
    lookAtDisk(folder, io.env['FORNAX_DISK_LOW_BYTES']),
    lookAtFlushing(folder),
  ]);
  return looks.flat();
};

/** Looks at everything from here outwards: what stands on something that is not there is not looked at. */
const examine = async (io: Io, dataDir: string | undefined): Promise<readonly Finding[]> => {
  const own = versionOf();
  const program: Finding = {
    check: 'program',
    verdict: 'ok',
    found: `fornax ${own} on Node.js ${process.versions.node}`,
  };
  const folder = await dataFolderAt(resolve(io.cwd, dataDir ?? io.env['FORNAX_DATA_DIR'] ?? '.fornax'));
  const place = placeOf(io);
  const isNamed = !('check' in place);
  // A folder that somebody happens to stand in is none of a platform elsewhere.
  const isOfIt = folder !== undefined && (dataDir !== undefined || !isNamed || folder.run.api.url === place.url);
  const local = isOfIt ? await lookAtFolder(io, folder) : [];
  if (!isNamed) return [program, place, ...local];
  const api = await lookAtApi(place.url);
  const found = [program, ...local, ...api.findings];
  if (!api.isThere) return found;
  const token = await lookAtToken(io.client());
  return [...found, ...token.findings, ...(token.isThere ? await lookAtPlatform(io.client(), own) : [])];
};

const ABOUT = `
Looks at the program, the data folder (where the platform is of this machine: processes, ports, disk, whether the log is flushed), the way to the API, clocks,
the token, services and their versions, storage, the log and what was put aside of it, read models, and nodes with how strongly they keep instances apart.
It works on a platform that is down, too. Exit code 1 when there is a problem; warnings are none. Some of it is shown to operators alone.

Example:
  fornax doctor --output json`;

/** `fornax doctor` */
export const addDoctorCommand = (program: Command, io: Io): void => {
  program
    .command('doctor')
    .description('look at a platform from end to end, up or down, and say what to do about what is wrong')
    .option('--data-dir <folder>', 'data folder of the platform (default: FORNAX_DATA_DIR, else .fornax)')
    .addHelpText('after', ABOUT)
    .action(async ({ dataDir, ...wish }: Options) => showFindings(io, await examine(io, dataDir), wish));
};
