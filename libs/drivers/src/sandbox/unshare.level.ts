import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, mkdir, open as openFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { DEVICES, type HostView } from './host-view.js';
import { foldersOf, imageView } from './image-view.js';
import {
  changing,
  CHANGES,
  entering,
  enteringNetwork,
  isRoot,
  ISOLATED_PATHS,
  type Level,
  MASKED_PATHS,
  READ_ONLY_PATHS,
  RESOLVER_FILE,
  resolverOf,
  type Place,
  running,
  showingGroups,
} from './level.js';
import { BUILD_ROOT } from './scripts.js';
import type { SecretFolders } from './secret-folders.js';
import { findProgram } from '../process/find-program.js';

/** Where the folders of instances are in the shared root. */
const INSTANCES = '/.fornax';

/** Lays its files over others in the shared root, where the agent still finds them when the instance is over. */
const layersOf = ({ id, owner, over }: Place, instancesDir: string): readonly string[] => {
  if (!over || over.isLaid === true) return [];
  const users = owner && over.owner ? ['--lower-user', String(over.owner.uid), String(owner.uid)] : [];
  return [...users, '--layers', join(INSTANCES, relative(instancesDir, over.tree)), join(INSTANCES, id)];
};

/** The mounts that an instance adds to its copy of the shared root. */
const mountsOf = (place: Place, resolver: string | undefined, folders: readonly string[]): readonly string[] => {
  const { id, groups, ramfsBytes, secrets, over } = place;
  const own = join(INSTANCES, id);
  return [
    ...['--proc', '/proc'],
    ...changing(place, folders, join(own, CHANGES)),
    ...READ_ONLY_PATHS.flatMap((path) => ['--read-only', path]),
    ...MASKED_PATHS.flatMap((path) => ['--mask', path]),
    ...showingGroups(groups),
    ...['--bind', join(own, over ? 'view' : 'job'), '/job'],
    ...['--bind', join(own, 'tmp'), '/tmp'],
    ...['--tmpfs', '/dev/shm', `mode=1777,size=${ramfsBytes}`],
    ...['--devpts', '/dev/pts'],
    ...resolverOf(place, resolver).flatMap((path) => ['--bind', join(own, RESOLVER_FILE), path]),
    ...(secrets === undefined
      ? []
      : ['--bind', join('/.fornax-secrets', id), ISOLATED_PATHS.secrets, '--read-only', ISOLATED_PATHS.secrets]),
    // Last: from here on nobody finds the folders of other instances.
    ...['--cover', INSTANCES],
    ...['--cover', '/.fornax-secrets'],
  ];
};

/** Where the shared root is kept. */
interface Held {
  readonly mounts: string;
  readonly users: string;
  readonly root: string;
  release(): Promise<void>;
}

/** Nowhere: it is not built yet, or closed. */
const NOT_HELD: Held = {
  mounts: '/proc/0/ns/mnt',
  users: '/proc/0/ns/user',
  root: '/proc/0/root',
  release: () => Promise.resolve(),
};

const ended = async (child: ChildProcessWithoutNullStreams): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, 'exit');
  child.stdin.end();
  child.kill('SIGKILL');
  await over;
};

/** By descriptors of the agent: a process that kept it could be killed, and its number be given to another one. */
const heldOpen = async (child: ChildProcessWithoutNullStreams): Promise<Held> => {
  const handles: FileHandle[] = [];
  const kept = async (name: string): Promise<string> => {
    const handle = await openFile(`/proc/${child.pid}/${name}`);
    handles.push(handle);
    return `/proc/${process.pid}/fd/${handle.fd}`;
  };
  const release = async (): Promise<void> => {
    await Promise.all(handles.map((handle) => handle.close()));
  };
  try {
    return { mounts: await kept('ns/mnt'), users: await kept('ns/user'), root: await kept('root'), release };
  } catch (error) {
    await release();
    throw error;
  } finally {
    await ended(child);
  }
};

/** By the process: what is in a user namespace of its own may not look at descriptors of the agent, which is in none (ptrace(2)). */
const heldByProcess = (child: ChildProcessWithoutNullStreams): Held => {
  const of = (name: string): string => `/proc/${child.pid}/${name}`;
  return { mounts: of('ns/mnt'), users: of('ns/user'), root: of('root'), release: () => ended(child) };
};

/**
 * Namespaces without bwrap. The root file system is built once, by programs of util-linux, and kept; each instance enters that mount
 * namespace and adds its own few mounts in a copy, so a start costs no walk over the host's mounts.
 */
export const unshareLevel = async (
  init: string,
  workDir: string,
  instancesDir: string,
  view: HostView,
  secrets: SecretFolders | undefined,
): Promise<Level | undefined> => {
  const programs = await Promise.all(['unshare', 'mount', 'pivot_root', 'chroot'].map(findProgram));
  const [unshare, mount, pivot, chroot] = programs;
  if (!unshare || !mount || !pivot || !chroot) return undefined;
  const { resolver } = view;
  const [newRoot, apart] = [join(workDir, 'root'), join(workDir, 'apart')];
  let held = NOT_HELD;
  const images = new Map<string, { readonly held: Held; readonly folders: readonly string[] }>();
  const heldOf = (root: string | undefined): Held => (root === undefined ? held : (images.get(root)?.held ?? NOT_HELD));

  const build = async ({ topLevel, hidden, interfaces, exposed }: HostView): Promise<Held> => {
    for (const folder of [newRoot, apart]) await mkdir(folder, { recursive: true, mode: 0o755 });
    const identity = isRoot() ? [] : ['--user', '--map-root-user'];
    const script = [
      newRoot,
      apart,
      instancesDir,
      secrets?.root ?? '',
      pivot,
      ...DEVICES,
      '--',
      ...topLevel,
      '--',
      ...hidden,
      ...interfaces,
      '--',
      ...exposed,
    ];
    const child = spawn(
      unshare,
      [...identity, '--mount', '--propagation', 'private', '--', '/bin/sh', '-c', BUILD_ROOT, 'fornax', ...script],
      {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
        detached: true, // Ctrl-C in a terminal is for the agent, which stops the rest in order
      },
    );
    child.stdin.on('error', () => undefined);
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-2_000)));
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`cannot build the root file system: ${complaint.trim()}`)));
      child.stdout.once('data', () => resolve());
    });
    child.stdout.destroy();
    child.stderr.destroy();
    return isRoot() ? heldOpen(child) : heldByProcess(child);
  };

  return {
    name: 'unshare',
    aim: 'all',
    instancesDir,
    warnings: [],
    hasOwnUsers: isRoot(),
    usersOfNetworks: (root) => (isRoot() ? undefined : heldOf(root).users),
    paths: () => ISOLATED_PATHS,
    viewOf: (id, root) => join(heldOf(root).root, INSTANCES, id, 'view'),
    argv: (place) => [
      init,
      ...entering(place),
      ...(isRoot() || typeof place.network !== 'string' ? [] : ['--namespace-user', heldOf(place.root).users]),
      ...enteringNetwork(place),
      ...['--namespace-mount', heldOf(place.root).mounts, ...layersOf(place, instancesDir)],
      place.network === 'none' ? '--isolate-network' : '--isolate',
      ...mountsOf(place, resolver, images.get(place.root ?? '')?.folders ?? []),
      ...running(place.directory ?? ISOLATED_PATHS.job, 'all', place),
    ],
    openRoot: async (root) => {
      const image = await imageView(root, view);
      const folders = await foldersOf(image);
      images.set(root, { held: await build(image), folders });
      return folders;
    },
    closeRoot: async (root) => {
      const before = heldOf(root);
      images.delete(root);
      await before.release();
    },
    open: async () => {
      held = await build(view);
    },
    close: async () => {
      const before = [held, ...[...images.values()].map((image) => image.held)];
      held = NOT_HELD;
      images.clear();
      await Promise.all(before.map((each) => each.release()));
    },
  };
};
