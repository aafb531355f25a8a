import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../process/setup-error.js';

/** A folder that only its owner may enter, created with its parents when missing. */
export const ensurePrivateFolder = async (path: string): Promise<void> => {
  await mkdir(path, { recursive: true, mode: 0o700 });
};

/** Replaces a file as one step, readable for its owner alone: a reader sees the old content or the new one, never half of it. */
export const writePrivateFile = async (path: string, content: string): Promise<void> => {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(temporary, content, { mode: 0o600, flush: true });
    await rename(temporary, path);
  } catch (error) {
    // On a full disk this is tried again and again: half a file each time would keep it full.
    await rm(temporary, { force: true });
    throw error;
  }
};

/**
 * The content of a secret file; written with `create()` first when there is none. Two processes that ask at once get the same
 * secret: the file is created exclusively.
 */
export const loadOrCreateSecret = async (path: string, create: () => string): Promise<string> => {
  await ensurePrivateFolder(dirname(path));
  for (;;) {
    const existing = await readFile(path, 'utf8').catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return undefined;
      throw error;
    });
    if (existing !== undefined && existing.trim() !== '') return existing.trim();
    try {
      const file = await open(path, existing === undefined ? 'wx' : 'w', 0o600);
      try {
        const secret = create();
        await file.writeFile(`${secret}\n`);
        await file.sync();
        return secret;
      } finally {
        await file.close();
      }
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
};

/** A random password that needs no quoting anywhere: URL-safe base64 of 24 bytes (192 bits). */
export const randomPassword = (): string => randomBytes(24).toString('base64url');
