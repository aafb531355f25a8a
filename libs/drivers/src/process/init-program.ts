import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/**
 * Finds the program that is the first process of every instance (`native/`).
 * @returns its path
 * @throws Error there is none for this machine
 */
export const initProgram = async (platform = process.platform, arch: string = process.arch): Promise<string> => {
  const path = fileURLToPath(new URL(`../../native/bin/${platform}-${arch}/fornax-init`, import.meta.url));
  try {
    await access(path, constants.X_OK);
    return path;
  } catch {
    throw new Error(
      `instances cannot run on ${platform}-${arch}: ${path} is not there, or may not be run. Linux on x64 and arm64 is shipped; ` +
        'libs/drivers/native/README.md tells how to build it',
    );
  }
};
