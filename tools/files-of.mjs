import { readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** Lists all files below a folder, by their paths in it with `/`, in order. */
export const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(folder, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join('/'),
    )
    .sort();
