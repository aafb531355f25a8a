import { chmodSync, chownSync } from 'node:fs';
import { chown, mkdir, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { SecretFile } from '../driver/driver.js';
import { assertOwn } from './own-folders.js';
import type { Owner } from './user-ids.js';

/** A file system in memory, on every Linux. */
const SHARED_MEMORY = '/dev/shm';
const TMPFS = 0x01_02_19_94;

/**
 * Folders in memory for secrets, one for each instance, which no disk ever sees. An instance reads its own; where it has a user of its own, nobody else but
 * root does. What an agent that was killed left there, the next one removes.
 */
export class SecretFolders {
  private constructor(readonly root: string) {}

  /** @param name of the agent on this machine @returns undefined where there is no memory for files here */
  static async open(name: string): Promise<SecretFolders | undefined> {
    const facts = await statfs(SHARED_MEMORY).catch(() => undefined);
    if (facts?.type !== TMPFS) return undefined;
    const root = join(SHARED_MEMORY, `fornax-${name}`);
    await mkdir(root, { mode: 0o711 }).catch(() => undefined);
    await assertOwn(root);
    await Promise.all((await readdir(root)).map((left) => rm(join(root, left), { recursive: true, force: true })));
    return new SecretFolders(root);
  }

  folderOf(id: string): string {
    return join(this.root, id);
  }

  async make(id: string, owner: Owner | undefined): Promise<void> {
    await makeFolder(this.folderOf(id), owner);
  }

  /** Puts files there that their instance alone may read (mode 0400), in the place of earlier ones of the same names. */
  async put(id: string, files: readonly SecretFile[], owner: Owner | undefined): Promise<void> {
    const root = this.folderOf(id);
    const folders = new Set<string>();
    for (const { path } of files)
      for (let at = dirname(path); at !== '.'; at = dirname(at)) folders.add(join(root, at));
    for (const folder of [...folders].sort((a, b) => a.length - b.length)) await makeFolder(folder, owner);
    for (const { path, content } of files) {
      const file = join(root, path);
      await rm(file, { force: true });
      await writeFile(file, content, { mode: 0o400, flag: 'wx' });
      if (owner) await chown(file, owner.uid, owner.gid);
    }
  }

  async remove(id: string): Promise<void> {
    await rm(this.folderOf(id), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}

/** A folder that its instance may enter and not change: whoever owns one could put a link in the place of what is written there later. */
const makeFolder = async (folder: string, owner: Owner | undefined): Promise<void> => {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (!owner) return;
  chownSync(folder, 0, owner.gid);
  chmodSync(folder, 0o750);
};
