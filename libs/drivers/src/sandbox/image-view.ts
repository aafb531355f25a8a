import { lstat, readdir, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';

import type { HostView } from './host-view.js';

/** What the sandbox brings itself, whatever an image has there. */
const OF_SANDBOX = new Set(['job', 'proc', 'sys', 'dev', 'tmp', 'run']);
const OWN = '.fornax';

/**
 * Tells what instances see of an image, in the terms of what they see of the machine.
 * @param root its folder on the machine
 * @param machine of which the names of interfaces are hidden as ever
 */
export const imageView = async (root: string, { interfaces }: Pick<HostView, 'interfaces'>): Promise<HostView> => ({
  topLevel: (await readdir(root))
    .filter((name) => !OF_SANDBOX.has(name) && !name.startsWith(OWN))
    .map((name) => join(root, name)),
  hidden: [],
  exposed: [],
  resolver: '/etc/resolv.conf',
  interfaces,
});

/** Those of its top level that are folders, where instances see them. */
export const foldersOf = async ({ topLevel }: Pick<HostView, 'topLevel'>): Promise<readonly string[]> => {
  const facts = await Promise.all(topLevel.map((path) => lstat(path)));
  return topLevel.filter((_, at) => facts[at]?.isDirectory() === true).map((path) => join('/', basename(path)));
};

/** Options of bwrap that show folders, files and links of the top level where they belong. */
export const shownByBwrap = async (topLevel: readonly string[]): Promise<readonly string[]> => {
  const shown: string[] = [];
  for (const path of topLevel) {
    const at = join('/', basename(path));
    const isLink = (await lstat(path)).isSymbolicLink();
    shown.push(...(isLink ? ['--symlink', await readlink(path), at] : ['--ro-bind', path, at]));
  }
  return shown;
};
