import { constants } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';

/** A regular file below a job's folder. `path` is relative, with slashes. */
export interface JobFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Tells a changed file from an unchanged one. */
  readonly version: string;
}

/** Tells a changed file from an unchanged one; moving it changes nothing. */
export const versionOf = (stat: { ino: number; size: number; mtimeMs: number }): string =>
  `${stat.ino}/${stat.size}/${stat.mtimeMs}`;
const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/**
 * Names below a folder that an instance may rearrange meanwhile: each folder is opened without following a link, and what is in it
 * is reached through that descriptor (the kernel's openat, by way of /proc). So no symlink ever leads out of the job.
 */
export const below = (folder: FileHandle, name: string): string => `/proc/self/fd/${folder.fd}/${name}`;

/** All regular files, links left out, in the order of their paths. What vanishes meanwhile is skipped. */
export const listFiles = async (root: string): Promise<readonly JobFile[]> => {
  const found: JobFile[] = [];
  const visit = async (path: string, prefix: string): Promise<void> => {
    const folder = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch(() => undefined);
    if (!folder) return;
    try {
      for (const entry of await readdir(below(folder, '.'), { withFileTypes: true })) {
        const relative = prefix + entry.name;
        if (entry.isDirectory()) await visit(below(folder, entry.name), `${relative}/`);
        if (!entry.isFile()) continue;
        const file = await openRegular(below(folder, entry.name));
        if (!file) continue;
        const stat = await file.stat().finally(() => file.close());
        found.push({ path: relative, sizeBytes: stat.size, version: versionOf(stat) });
      }
    } finally {
      await folder.close();
    }
  };
  await visit(root, '');
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
};

/** O_NONBLOCK: a pipe that took the file's place must not hold us. */
const openRegular = async (path: string): Promise<FileHandle | undefined> => {
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => undefined);
  if (!file) return undefined;
  const isFile = await file.stat().then(
    (stat) => stat.isFile(),
    () => false,
  );
  if (isFile) return file;
  await file.close();
  return undefined;
};

/** Opens one file of `listFiles` again, as safely; undefined if it is gone or is no regular file any more. */
export const openFile = async (root: string, path: string): Promise<FileHandle | undefined> => {
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  let folder = await open(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    for (const part of parts) {
      const next = await open(below(folder, part), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      await folder.close();
      folder = next;
    }
    return await openRegular(below(folder, name));
  } catch {
    return undefined;
  } finally {
    await folder.close();
  }
};
