import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { toolsDir } from '../platform/running-platform.js';
import { oncePerRun } from './run-folder.js';
import { busyboxEntries, type LayerEntry } from './test-layers.js';

const run = promisify(execFile);
const PROVISION_MS = 5 * 60_000;
const MOST_ROUNDS = 10;
/** Folders at the top that are links into `usr` in a system of today. */
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];
/** What installs packages, or what hundreds of megabytes of drivers of graphics come with: no server of a test needs it. */
const NO_LIBRARY = /^libpam-|perl|systemd-dev|elogind|mesa|libllvm/;

interface Packages {
  /** The name of the folder in which they are kept. */
  readonly kept: string;
  /** From there on the libraries that they need come along. */
  readonly first: readonly string[];
}

/** Names that packages depend on, of libraries alone: the rest is what installs them. */
const librariesOf = async (names: readonly string[]): Promise<readonly string[]> => {
  const { stdout } = await run('apt-cache', ['depends', '--no-recommends', '--no-suggests', ...names], {
    env: { ...process.env, LC_ALL: 'C' },
  });
  const found = [...stdout.matchAll(/^ [ |](?:Pre)?Depends: (\S+)$/gm)].map(([, name = '']) => name);
  return found.filter((name) => (name.startsWith('lib') || name.startsWith('zlib')) && !NO_LIBRARY.test(name));
};

const packagesOf = async (first: readonly string[]): Promise<readonly string[]> => {
  const all = new Set<string>(first);
  for (let fresh = first, round = 0; fresh.length > 0 && round < MOST_ROUNDS; round += 1) {
    fresh = [...new Set(await librariesOf(fresh))].filter((name) => !all.has(name));
    for (const name of fresh) all.add(name);
  }
  return [...all];
};

/** Packages of Debian cannot be had here. */
export class PackagesMissing extends Error {
  override readonly name = 'PackagesMissing';
}

/** What apt says that it cannot do, or that there is no apt. */
const fromDebian = async <T>(packages: readonly string[], ask: Promise<T>): Promise<T> => {
  try {
    return await ask;
  } catch (error) {
    throw new PackagesMissing(`${packages.join(', ')}: ${String(error)}`, { cause: error });
  }
};

/** A folder with packages of Debian, unpacked once and kept with the other tools; nothing is installed. @throws PackagesMissing */
export const provideTree = ({ kept, first }: Packages): Promise<string> =>
  oncePerRun(kept, PROVISION_MS, async () => {
    const home = join(toolsDir(), kept);
    if (existsSync(home)) return home;
    await mkdir(toolsDir(), { recursive: true });
    const folder = await mkdtemp(join(toolsDir(), '.making-'));
    try {
      const packages = await fromDebian(first, packagesOf(first));
      const asked = ['-o', 'APT::Sandbox::User=', 'download', ...packages];
      await fromDebian(first, run('apt-get', asked, { cwd: folder, timeout: PROVISION_MS }));
      const archives = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
      for (const archive of archives) await run('dpkg-deb', ['-x', archive, 'root'], { cwd: folder });
      await rename(join(folder, 'root'), home);
      return home;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

/** Where a file of a package lies in an image, whose folders at the top are links. */
const placeOf = (path: string): string => (MERGED.includes(path.split('/')[0] ?? '') ? `usr/${path}` : path);

/** The files of a folder as an image has them. @param leftOut what no program in there needs */
const entriesOf = async (root: string, leftOut: RegExp, path = ''): Promise<readonly LayerEntry[]> => {
  const names = await readdir(join(root, path), { withFileTypes: true });
  const found = await Promise.all(
    names.map(async (entry): Promise<readonly LayerEntry[]> => {
      const [from, name] = [join(path, entry.name), placeOf(join(path, entry.name))];
      if (leftOut.test(name)) return [];
      if (entry.isDirectory()) return entriesOf(root, leftOut, from);
      if (entry.isSymbolicLink()) return [[{ name, type: 'symlink', linkname: await readlink(join(root, from)) }]];
      const { mode } = await stat(join(root, from));
      return entry.isFile() ? [[{ name, mode: mode & 0o777 }, await readFile(join(root, from))]] : [];
    }),
  );
  return found.flat();
};

/** An image's files with such packages and a shell. @param applets of busybox, beside those that each image of a test has */
export const debianEntries = async (
  root: string,
  { mark, applets, leftOut }: { readonly mark: string; readonly applets: readonly string[]; readonly leftOut: RegExp },
): Promise<readonly LayerEntry[]> => [
  ...MERGED.map((name) => [{ name, type: 'symlink', linkname: `usr/${name}` }] as const),
  ...(await busyboxEntries(mark)).map(([header, content = '']): LayerEntry => [
    { ...header, name: placeOf(header.name) },
    content,
  ]),
  ...applets.map((applet) => [{ name: `usr/bin/${applet}`, type: 'symlink', linkname: 'busybox' }] as const),
  ...(await entriesOf(root, leftOut)),
];
