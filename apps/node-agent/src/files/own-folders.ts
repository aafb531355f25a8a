import { lstat, mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes folders below a root in which nothing runs yet, none of them through a link: what already lies there, say the files of a slot, may hold links
 * that lead out of it, and what is laid out through one of those would be written to the machine itself.
 */
export class OwnFolders {
  readonly #made = new Map<string, Promise<void>>();

  constructor(private readonly root: string) {}

  /** Makes a folder, and those above it. A link or a file in its place goes. @param path below the root, or the root itself, which is there */
  make(path: string): Promise<void> {
    if (path === this.root) return Promise.resolve();
    const making = this.#made.get(path) ?? this.#make(path);
    this.#made.set(path, making);
    return making;
  }

  async #make(path: string): Promise<void> {
    await this.make(dirname(path));
    const there = await lstat(path).catch(() => undefined);
    if (there?.isDirectory() === true) return;
    await rm(path, { force: true });
    await mkdir(path);
  }
}
