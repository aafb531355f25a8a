import { access, readdir, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, sep } from 'node:path';

/** What of the host an instance may see. Absolute, real paths. */
export interface HostView {
  /** Folders and links of `/` that are shown read-only. */
  readonly topLevel: readonly string[];
  /** Replaced by an empty folder: the platform's data, everybody's home. */
  readonly hidden: readonly string[];
  /** Shown although they lie in a hidden folder, or in none that is shown. */
  readonly exposed: readonly string[];
  /** The file that /etc/resolv.conf is, or leads to; undefined: there is none. */
  readonly resolver: string | undefined;
  /** Folders of /sys that name the interfaces of this machine, and count what goes through them. */
  readonly interfaces: readonly string[];
}

/** Where programs and what they need lie. Anything else of `/` is the host's own: data, mounts, backups. */
const OF_PROGRAMS = [
  'usr',
  'bin',
  'sbin',
  'lib',
  'lib32',
  'lib64',
  'libx32',
  'libo32',
  'etc',
  'opt',
  'nix',
  'gnu',
  'snap',
];
/** Shown empty: homes, and what services of the host write, with the sockets and pipes that they listen at, which a read-only mount does not close. */
const EMPTY = ['home', 'root', 'var'];
const TOP_LEVEL = new Set([...OF_PROGRAMS, ...EMPTY]);
/** What packages keep of programs in there. */
const PROGRAM_STATE = [
  ...[
    'dpkg',
    'texmf',
    'tex-common',
    'ghostscript',
    'aspell',
    'ispell',
    'dictionaries-common',
    'xml-core',
    'sgml-base',
  ].map((name) => `/var/lib/${name}`),
  ...['fontconfig', 'dictionaries-common'].map((name) => `/var/cache/${name}`),
];
const RESOLVER = '/etc/resolv.conf';
const INTERFACES = '/sys/class/net';
export const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'] as const;

const realFolders = async (paths: readonly string[]): Promise<readonly string[]> => {
  const found = new Set<string>();
  for (const path of paths) {
    try {
      const real = await realpath(path);
      if ((await stat(real)).isDirectory() && real !== '/') found.add(real);
    } catch {
      // what does not exist needs no hiding
    }
  }
  return [...found];
};

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(folder + sep);

/** Folders above a path, outermost first, that are none of those which are there anyway. */
export const waysTo = (path: string, there: readonly string[]): readonly string[] => {
  const above = dirname(path);
  return above === '/' || there.includes(above) ? [] : [...waysTo(above, there), above];
};

/** Nothing for a user without an entry in the system's list, as in many containers. */
const ownHome = (): readonly string[] => {
  try {
    return [homedir()];
  } catch {
    return [];
  }
};

/** /sys shows the interfaces of the network that it was mounted in, whichever an instance is in: this machine's. */
const interfaceFolders = async (): Promise<readonly string[]> => {
  const names = await readdir(INTERFACES).catch(() => []);
  const devices = await Promise.all(names.map((name) => realpath(join(INTERFACES, name)).catch(() => undefined)));
  return realFolders([INTERFACES, ...devices.flatMap((device) => (device === undefined ? [] : [dirname(device)]))]);
};

/** A link leads to a file in /run, beside which lie sockets of who writes it, and those find names for everybody: it is shown alone. */
const realFile = async (path: string): Promise<string | undefined> => {
  const real = await realpath(path).catch(() => undefined);
  return real !== undefined && (await stat(real)).isFile() ? real : undefined;
};

/**
 * Tells what instances may see of this machine.
 * @param hide the platform's folders  @param expose folders that instances need, say a tool's installation
 * @param resolverFile what says which name servers are asked
 * @throws Error an exposed folder holds one that is to be hidden
 */
export const hostView = async (
  hide: readonly string[],
  expose: readonly string[],
  resolverFile = RESOLVER,
): Promise<HostView> => {
  const topLevel: string[] = [];
  for (const entry of await readdir('/', { withFileTypes: true })) {
    if (!TOP_LEVEL.has(entry.name) || !(entry.isDirectory() || entry.isSymbolicLink())) continue;
    topLevel.push(join('/', entry.name));
  }
  const folders = (await realFolders([...EMPTY.map((name) => join('/', name)), ...ownHome(), ...hide])).filter(
    (folder) =>
      // What is not shown needs no hiding, and its name is nobody's business.
      topLevel.some((shown) => isWithin(folder, shown)),
  );
  // What lies in a hidden folder is hidden with it; a mount of its own would be buried below the outer one.
  const hidden = folders.filter((folder) => !folders.some((outer) => outer !== folder && isWithin(folder, outer)));
  const asked = await realFolders(expose);
  // Shown on top of what is hidden, it would show that as well.
  const secret = await realFolders(hide);
  for (const folder of asked) {
    const inside = secret.find((path) => isWithin(path, folder));
    if (inside !== undefined)
      throw new Error(
        `${folder} cannot be shown to instances (FORNAX_NODE_EXPOSE): ${inside} lies in it, which they may not see. Name the folders that they need one by one.`,
      );
  }
  const resolver = await realFile(resolverFile);
  const isShown = (path: string): boolean =>
    topLevel.some((shown) => isWithin(path, shown)) && !hidden.some((folder) => isWithin(path, folder));
  const exposed = [
    ...(resolver === undefined || isShown(resolver) ? [] : [resolver]),
    ...(await realFolders(PROGRAM_STATE)),
    ...asked,
  ];
  return { topLevel, hidden, exposed, resolver, interfaces: await interfaceFolders() };
};

/** Where an instance looks for programs, as in most images: nothing of the PATH of whoever started the agent. */
export const STANDARD_PATH: readonly string[] = [
  '/usr/local/sbin',
  '/usr/local/bin',
  '/usr/sbin',
  '/usr/bin',
  '/sbin',
  '/bin',
];

/** PATH of instances: those of the folders that they can see, in their order, and then those that are exposed to them for that. */
export const visiblePath = async (
  folders: readonly string[],
  expose: readonly string[],
  view: HostView,
): Promise<string> => {
  const visible: string[] = [];
  for (const entry of new Set([...folders, ...(await realFolders(expose))])) {
    if (!isAbsolute(entry)) continue;
    try {
      const real = await realpath(entry);
      await access(real);
      const isShown = view.exposed.some((folder) => isWithin(real, folder));
      const isHidden =
        view.hidden.some((folder) => isWithin(real, folder)) || !view.topLevel.some((folder) => isWithin(real, folder));
      if (isShown || !isHidden) visible.push(entry);
    } catch {
      // not there
    }
  }
  return visible.join(delimiter);
};
