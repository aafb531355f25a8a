import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { folderIn, LayerRefused, lookAt } from './tree-path.js';

const MOST_LINKS = 40;

/**
 * Reads a file as a process would whose root is `root`: links lead back into that.
 * @returns undefined: there is no such file  @throws LayerRefused it is longer than that, or links lead in circles
 */
export const fileIn = async (root: string, path: string, mostBytes: number): Promise<string | undefined> => {
  let wanted = path;
  for (let links = 0; links <= MOST_LINKS; links += 1) {
    const at = wanted.lastIndexOf('/');
    const name = wanted.slice(at + 1);
    // What ends so is a folder.
    if (['', '.', '..'].includes(name)) return undefined;
    const folder = await folderIn(root, wanted.slice(0, Math.max(0, at)));
    if (folder === undefined) return undefined;
    const found = await lookAt(join(folder, name));
    if (typeof found === 'object')
      wanted = found.link.startsWith('/') ? found.link : `${relative(root, folder)}/${found.link}`;
    else return found === 'file' ? readBounded(join(folder, name), path, mostBytes) : undefined;
  }
  throw new LayerRefused(`links lead in circles at ${path}`);
};

const readBounded = async (file: string, path: string, mostBytes: number): Promise<string> => {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if ((await handle.stat()).size > mostBytes) throw new LayerRefused(`its ${path} is longer than ${mostBytes} bytes`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
};
