import { lstat, readlink } from 'node:fs/promises';
import { join } from 'node:path';

import { findProgram, type HostView } from './host-view.js';
import { dropEverything, isRoot, ISOLATED_PATHS, type Level } from './level.js';

/** Bubblewrap, where it is installed: the cheapest of all, and made for this. */
export const bubblewrapLevel = async (instancesDir: string, view: HostView): Promise<Level | undefined> => {
  const [bwrap, setpriv] = await Promise.all([findProgram('bwrap'), findProgram('setpriv')]);
  if (bwrap === undefined || (isRoot() && setpriv === undefined)) return undefined;
  const shown: string[] = [];
  for (const path of view.topLevel) {
    const isLink = (await lstat(path)).isSymbolicLink();
    shown.push(...(isLink ? ['--symlink', await readlink(path), path] : ['--ro-bind', path, path]));
  }
  for (const path of view.hidden) shown.push('--tmpfs', path);
  for (const path of view.exposed) shown.push('--ro-bind', path, path);
  for (const path of view.hidden) shown.push('--remount-ro', path);
  // As root it makes no user namespace, so that files are owned by the instance's user on the host too; RUN then needs to stop that user's processes.
  const identity = isRoot()
    ? ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP', 'CAP_KILL'].flatMap((name) => ['--cap-add', name])
    : ['--unshare-user'];
  return {
    name: 'bubblewrap',
    aim: '-1',
    instancesDir,
    warnings: [],
    hasOwnUsers: isRoot(),
    paths: () => ISOLATED_PATHS,
    enter: (folder) => [
      bwrap,
      ...identity,
      '--unshare-pid',
      '--unshare-ipc',
      '--unshare-uts',
      '--as-pid-1',
      '--die-with-parent',
      ...shown,
      '--ro-bind',
      '/sys',
      '/sys',
      '--proc',
      '/proc',
      '--dev',
      '/dev',
      '--perms',
      '1777',
      '--tmpfs',
      '/dev/shm',
      '--bind',
      join(folder, 'tmp'),
      '/tmp',
      '--bind',
      join(folder, 'job'),
      '/job',
      '--remount-ro',
      '/',
      '--chdir',
      '/',
      '--',
    ],
    fstab: undefined,
    drop: (owner) => (owner && setpriv !== undefined ? dropEverything(setpriv, owner) : []),
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
};
