import { lstat, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { findProgram, type HostView } from './host-view.js';
import { entering, isRoot, ISOLATED_PATHS, type Level, MASKED_PATHS, running } from './level.js';

/** Where the first process' program is inside. */
const INSIDE = '/.fornax-init';

/** Which of them this kernel has. */
const present = async (paths: readonly string[]): Promise<readonly { readonly path: string; isFolder: boolean }[]> => {
  const found = await Promise.all(
    paths.map(async (path) => {
      const facts = await stat(path).catch(() => undefined);
      return facts && { path, isFolder: facts.isDirectory() };
    }),
  );
  return found.filter((one) => one !== undefined);
};

/** Bubblewrap, where it is installed: the cheapest of all, and made for this. */
export const bubblewrapLevel = async (
  init: string,
  instancesDir: string,
  view: HostView,
): Promise<Level | undefined> => {
  const bwrap = await findProgram('bwrap');
  if (bwrap === undefined) return undefined;
  const shown: string[] = [];
  for (const path of view.topLevel) {
    const isLink = (await lstat(path)).isSymbolicLink();
    shown.push(...(isLink ? ['--symlink', await readlink(path), path] : ['--ro-bind', path, path]));
  }
  for (const path of view.hidden) shown.push('--tmpfs', path);
  for (const path of view.exposed) shown.push('--ro-bind', path, path);
  for (const path of view.hidden) shown.push('--remount-ro', path);
  // As root it makes no user namespace, so that files are owned by the instance's user on the host too; the first process then stops that user's processes.
  const identity = isRoot()
    ? ['CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP', 'CAP_KILL', 'CAP_SYS_RESOURCE'].flatMap((name) => ['--cap-add', name])
    : ['--unshare-user'];
  // bwrap protects what may be written in /proc by itself.
  const masks = (await present(MASKED_PATHS)).flatMap(({ path, isFolder }) =>
    isFolder ? ['--tmpfs', path, '--remount-ro', path] : ['--ro-bind', '/dev/null', path],
  );
  return {
    name: 'bubblewrap',
    aim: 'all',
    instancesDir,
    warnings: [],
    hasOwnUsers: isRoot(),
    paths: () => ISOLATED_PATHS,
    argv: (place) => [
      init,
      ...entering(place),
      '--then',
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
      ...masks,
      '--dev',
      '/dev',
      '--perms',
      '1777',
      '--tmpfs',
      '/dev/shm',
      '--bind',
      join(place.folder, 'tmp'),
      '/tmp',
      '--bind',
      join(place.folder, 'job'),
      '/job',
      '--ro-bind',
      init,
      INSIDE,
      '--remount-ro',
      '/',
      '--chdir',
      '/',
      '--',
      INSIDE,
      ...running(ISOLATED_PATHS.job, 'all', place.owner),
    ],
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
};
