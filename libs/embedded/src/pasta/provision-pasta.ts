import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { packageToolMissing, unpackPackage, type UnpackOptions } from '../package/debian-package.js';
import { findOnPath, isExecutable } from '../process/find-program.js';

/** Where the program is once it was unpacked. */
export const pastaIn = (toolsDir: string): string => join(toolsDir, 'pasta', `debian-${arch()}`, 'pasta');

/**
 * Sees to it that there is pasta, which lets instances out of their networks: on PATH, or unpacked from the distribution's package passt.
 * Safe to call from several processes at once.
 * @returns why there is none; undefined: there is
 */
export const provisionPasta = async (toolsDir: string, options: UnpackOptions): Promise<string | undefined> => {
  const target = pastaIn(toolsDir);
  if ((await findOnPath('pasta', options.env)) !== undefined || (await isExecutable(target))) return undefined;
  const lacking = await packageToolMissing(options.env);
  if (lacking !== undefined) return lacking;
  await mkdir(join(toolsDir, 'pasta'), { recursive: true });
  const folder = await mkdtemp(join(toolsDir, '.making-'));
  try {
    const unpacked = await unpackPackage('passt', folder, options);
    if ('reason' in unpacked) return unpacked.reason;
    if (!(await isExecutable(join(unpacked.root, 'usr/bin/pasta')))) return 'the package passt holds no pasta';
    // All of the folder: pasta is a link, and its builds for newer processors lie beside it.
    const made = join(folder, 'made');
    await cp(join(unpacked.root, 'usr/bin'), made, { recursive: true, verbatimSymlinks: true });
    await rename(made, join(target, '..')).catch(async (error: unknown) => {
      if (!(await isExecutable(target))) throw error; // else another process was faster
    });
    return undefined;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
