import { execFile } from 'node:child_process';
import { access, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import type { GroupView } from '../cgroup/cgroup.js';
import { type HostView, waysTo } from './host-view.js';
import { foldersOf, imageView, shownByBwrap } from './image-view.js';
import {
  changing,
  CHANGES,
  entering,
  enteringNetwork,
  GROUPS_PATH,
  isRoot,
  ISOLATED_PATHS,
  type Level,
  type Place,
  MASKED_PATHS,
  READ_ONLY_PATHS,
  RESOLVER_FILE,
  resolverOf,
  running,
  showingCopies,
  showingGroups,
} from './level.js';
import { findProgram } from '../process/find-program.js';

const run = promisify(execFile);
/** Where the first process' program is inside. */
const INSIDE = '/.fornax-init';
/** Where it finds what an instance changes of its image, until the command is there. */
const CHANGES_INSIDE = '/.fornax-changes';

/** In the user namespace of a network every user is root: the instance sees itself as the agent's all the same. */
const sameUser = (): readonly string[] => ['--uid', String(process.getuid?.()), '--gid', String(process.getgid?.())];

/** Masks that bwrap makes: paths that this kernel does not have are left out. */
const masksOf = async (paths: readonly string[]): Promise<readonly string[]> => {
  const masks = await Promise.all(
    paths.map(async (path) => {
      const facts = await stat(path).catch(() => undefined);
      if (!facts) return [];
      return facts.isDirectory() ? ['--tmpfs', path, '--remount-ro', path] : ['--ro-bind', '/dev/null', path];
    }),
  );
  return masks.flat();
};

/** Makes parts of the new /proc read-only: what they say is of the namespaces of whoever reads, wherever they were mounted from. */
const readOnly = async (paths: readonly string[]): Promise<readonly string[]> => {
  const there = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        () => ['--ro-bind', path, path],
        () => [],
      ),
    ),
  );
  return there.flat();
};

/** Control groups as an instance sees them, where only bwrap may mount: its own, and none of the machine's others. */
const groupsOf = (groups: readonly GroupView[]): readonly string[] => {
  const [only] = groups;
  if (only?.name === '') return ['--ro-bind', only.folder, GROUPS_PATH];
  const each = groups.flatMap(({ folder, name }) => ['--ro-bind', folder, join(GROUPS_PATH, name)]);
  return ['--tmpfs', GROUPS_PATH, ...each, '--remount-ro', GROUPS_PATH];
};

/** Where bwrap shows whom to ask for names: beside the changes of an instance that has some, or those would cover it. */
const resolverIn = ({ folder, changes }: Place, path: string): readonly string[] => {
  const file = join(folder, RESOLVER_FILE);
  return changes === 'overlay' ? ['--bind', file, join(CHANGES_INSIDE, RESOLVER_FILE)] : ['--ro-bind', file, path];
};

/** What the first process does inside for an instance that may change its image: an ordinary user's may mount in a namespace of its own alone. */
const changesIn = (place: Place, folders: readonly string[], resolvers: readonly string[]): readonly string[] =>
  place.changes === 'overlay'
    ? [
        ...(isRoot() ? [] : ['--own-mounts']),
        ...changing(place, folders, CHANGES_INSIDE),
        ...resolvers.flatMap((path) => ['--bind', join(CHANGES_INSIDE, RESOLVER_FILE), path]),
        ...['--cover', CHANGES_INSIDE],
      ]
    : [];

/** Bubblewrap, where it is installed: the cheapest of all, and made for this. */
export const bubblewrapLevel = async (
  init: string,
  instancesDir: string,
  view: HostView,
): Promise<Level | undefined> => {
  const bwrap = await findProgram('bwrap');
  if (bwrap === undefined) return undefined;
  const { resolver } = view;
  // From 0.7 on. Before, a tmpfs holds half of what the machine has.
  const takesSize = (await run(bwrap, ['--help'])).stdout.includes('--size');
  const hasGroups = await access(GROUPS_PATH).then(
    () => true,
    () => false,
  );
  const shown = [...(await shownByBwrap(view.topLevel))];
  const images = new Map<string, { readonly shown: readonly string[]; readonly folders: readonly string[] }>();
  for (const path of view.hidden) shown.push('--tmpfs', path);
  // What bwrap makes on the way by itself is for its own user alone.
  const ways = new Set(view.exposed.flatMap((path) => waysTo(path, [...view.topLevel, ...view.hidden])));
  for (const path of ways) shown.push('--dir', path);
  for (const path of view.exposed) shown.push('--ro-bind', path, path);
  for (const path of view.hidden) shown.push('--remount-ro', path);
  // As root it makes no user namespace, so that files are owned by the instance's user on the host too; the first process then stops that user's
  // processes. It also masks /proc by itself then, since bwrap looks through all mounts for each one that it adds. What bwrap made for an ordinary
  // user belongs to a user namespace outside of the one that it leaves the first process in.
  const kept = ['SYS_ADMIN', 'SYS_RESOURCE', 'SETPCAP', 'SETUID', 'SETGID', 'KILL'];
  // What is changed of an image is copied with the rights of who laid it there.
  const copying = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'MKNOD'];
  const identityOf = ({ changes }: Place): readonly string[] =>
    isRoot()
      ? [...kept, ...(changes === 'overlay' ? copying : [])].flatMap((name) => ['--cap-add', `CAP_${name}`])
      : ['--unshare-user'];
  const masked = [...MASKED_PATHS, ...view.interfaces];
  const masksOutside = isRoot() ? [] : [...(await readOnly(READ_ONLY_PATHS)), ...(await masksOf(masked))];
  const masksInside = isRoot()
    ? [...masked.flatMap((path) => ['--mask', path]), ...READ_ONLY_PATHS.flatMap((path) => ['--read-only', path])]
    : [];
  return {
    name: 'bubblewrap',
    aim: 'all',
    instancesDir,
    warnings: [],
    hasOwnUsers: isRoot(),
    usersOfNetworks: () => (isRoot() ? undefined : 'new'),
    paths: () => ISOLATED_PATHS,
    argv: (place) => [
      init,
      ...entering(place),
      ...enteringNetwork(place),
      '--then',
      bwrap,
      ...(isRoot() || typeof place.network === 'string' ? [] : sameUser()),
      ...identityOf(place),
      '--unshare-pid',
      '--unshare-ipc',
      '--unshare-uts',
      '--unshare-cgroup-try',
      ...(place.network === 'none' ? ['--unshare-net'] : []),
      '--as-pid-1',
      '--die-with-parent',
      ...(place.root === undefined ? shown : (images.get(place.root)?.shown ?? [])),
      ...(place.changes === 'copies'
        ? showingCopies(images.get(place.root ?? '')?.folders ?? [], join(place.folder, CHANGES))
        : []),
      '--ro-bind',
      '/sys',
      '/sys',
      '--proc',
      '/proc',
      ...masksOutside,
      ...(isRoot() || !hasGroups ? [] : groupsOf(place.groups)),
      '--dev',
      '/dev',
      // Else a tmpfs that an ordinary user may fill.
      '--remount-ro',
      '/dev',
      '--perms',
      '1777',
      ...(takesSize ? ['--size', String(place.ramfsBytes)] : []),
      '--tmpfs',
      '/dev/shm',
      '--bind',
      join(place.folder, 'tmp'),
      '/tmp',
      '--bind',
      join(place.folder, 'job'),
      '/job',
      ...(place.changes === 'overlay' ? ['--bind', join(place.folder, CHANGES), CHANGES_INSIDE] : []),
      ...resolverOf(place, resolver).flatMap((path) => resolverIn(place, path)),
      ...(place.secrets === undefined
        ? []
        : ['--dir', dirname(ISOLATED_PATHS.secrets), '--ro-bind', place.secrets, ISOLATED_PATHS.secrets]),
      '--ro-bind',
      init,
      INSIDE,
      '--remount-ro',
      '/',
      '--chdir',
      '/',
      '--',
      INSIDE,
      ...masksInside,
      ...(isRoot() ? showingGroups(place.groups) : []),
      ...changesIn(place, images.get(place.root ?? '')?.folders ?? [], resolverOf(place, resolver)),
      ...running(place.directory ?? ISOLATED_PATHS.job, 'all', place),
    ],
    openRoot: async (root) => {
      const image = await imageView(root, view);
      const folders = await foldersOf(image);
      images.set(root, { shown: await shownByBwrap(image.topLevel), folders });
      return folders;
    },
    closeRoot: (root) => Promise.resolve(void images.delete(root)),
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
};
