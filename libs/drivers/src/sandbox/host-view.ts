import { access, readdir, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, sep } from 'node:path';

/** What of the host an instance may see. Absolute, real paths. */
export interface HostView {
  /** Folders and links of `/` that are shown read-only. */
  readonly topLevel: readonly string[];
  /** Replaced by an empty folder: the platform's data, everybody's home. */
  readonly hidden: readonly string[];
  /** Shown although they lie in a hidden folder. */
  readonly exposed: readonly string[];
}

/** Made anew for each instance, or of no use to one. */
const OWN_TOP_LEVEL = new Set(['proc', 'sys', 'dev', 'tmp', 'run', 'job', 'lost+found', '.fornax', '.old']);
/** /run holds sockets of the host's services; these parts of it are what /etc/resolv.conf points to. */
const RESOLVER_FOLDERS = ['/run/systemd/resolve', '/run/resolvconf', '/run/NetworkManager'];
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

/** Nothing for a user without an entry in the system's list, as in many containers. */
const ownHome = (): readonly string[] => {
  try {
    return [homedir()];
  } catch {
    return [];
  }
};

/** @param hide the platform's folders  @param expose folders of a home that instances need, say a tool's installation */
export const hostView = async (hide: readonly string[], expose: readonly string[]): Promise<HostView> => {
  const topLevel: string[] = [];
  for (const entry of await readdir('/', { withFileTypes: true })) {
    if (OWN_TOP_LEVEL.has(entry.name) || !(entry.isDirectory() || entry.isSymbolicLink())) continue;
    topLevel.push(join('/', entry.name));
  }
  const folders = await realFolders(['/root', '/home', ...ownHome(), ...hide]);
  // What lies in a hidden folder is hidden with it; a mount of its own would be buried below the outer one.
  const hidden = folders.filter((folder) => !folders.some((outer) => outer !== folder && isWithin(folder, outer)));
  return { topLevel, hidden, exposed: [...(await realFolders(RESOLVER_FOLDERS)), ...(await realFolders(expose))] };
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

/** PATH of instances: those of the folders that they can see, in their order, and then what is exposed to them. */
export const visiblePath = async (folders: readonly string[], view: HostView): Promise<string> => {
  const visible: string[] = [];
  for (const entry of new Set([...folders, ...view.exposed])) {
    if (!isAbsolute(entry)) continue;
    try {
      const real = await realpath(entry);
      await access(real);
      const isShown = view.exposed.some((folder) => isWithin(real, folder));
      const isHidden = [...view.hidden, '/tmp', '/run', '/dev', '/proc'].some((folder) => isWithin(real, folder));
      const isResolver = RESOLVER_FOLDERS.includes(entry);
      if (!isResolver && (isShown || !isHidden)) visible.push(entry);
    } catch {
      // not there
    }
  }
  return visible.join(delimiter);
};
