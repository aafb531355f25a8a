import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { toolsDir } from '../platform/running-platform.js';
import { oncePerRun } from './run-folder.js';
import { busyboxEntries, type LayerEntry, layerOf } from './test-layers.js';
import type { PushedLayer } from './test-registry.js';

const run = promisify(execFile);
const PROVISION_MS = 5 * 60_000;
const KEPT = 'debian-openssh';
/** The server, what makes keys, and from there on the libraries that they need. */
const FIRST = ['openssh-server', 'openssh-client', 'openssh-sftp-server'] as const;
const MOST_ROUNDS = 10;
/** Folders at the top that are links into `usr` in a system of today. */
const MERGED = new Set(['bin', 'sbin', 'lib', 'lib64']);
/** Nothing that a program of them needs. */
const LEFT_OUT =
  /^usr\/share\/(?!openssh)|^(var|usr\/lib\/systemd|usr\/lib\/tmpfiles\.d|etc\/(init\.d|default))(\/|$)|\.(a|la)$/;

/** Names that packages depend on, of libraries alone: the rest is what installs them. */
const librariesOf = async (names: readonly string[]): Promise<readonly string[]> => {
  const { stdout } = await run('apt-cache', ['depends', '--no-recommends', '--no-suggests', ...names], {
    env: { ...process.env, LC_ALL: 'C' },
  });
  const found = [...stdout.matchAll(/^ [ |](?:Pre)?Depends: (\S+)$/gm)].map(([, name = '']) => name);
  return found.filter(
    (name) => (/^lib(?!pam-)/.test(name) || name.startsWith('zlib')) && !/perl|systemd-dev/.test(name),
  );
};

const packagesOf = async (): Promise<readonly string[]> => {
  const all = new Set<string>(FIRST);
  for (let fresh: readonly string[] = FIRST, round = 0; fresh.length > 0 && round < MOST_ROUNDS; round += 1) {
    fresh = [...new Set(await librariesOf(fresh))].filter((name) => !all.has(name));
    for (const name of fresh) all.add(name);
  }
  return [...all];
};

/** A folder with those packages of Debian, unpacked once and kept with the other tools; nothing is installed. @throws Error they cannot be had here */
const provideTree = (): Promise<string> =>
  oncePerRun(KEPT, PROVISION_MS, async () => {
    const home = join(toolsDir(), KEPT);
    if (existsSync(home)) return home;
    await mkdir(toolsDir(), { recursive: true });
    const folder = await mkdtemp(join(toolsDir(), '.making-'));
    try {
      const packages = await packagesOf();
      await run('apt-get', ['-o', 'APT::Sandbox::User=', 'download', ...packages], {
        cwd: folder,
        timeout: PROVISION_MS,
      });
      const archives = (await readdir(folder)).filter((name) => name.endsWith('.deb'));
      for (const archive of archives) await run('dpkg-deb', ['-x', archive, 'root'], { cwd: folder });
      await rename(join(folder, 'root'), home);
      return home;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

/** Where a file of a package lies in an image, whose folders at the top are links. */
const placeOf = (path: string): string => (MERGED.has(path.split('/')[0] ?? '') ? `usr/${path}` : path);

const entriesOf = async (root: string, path = ''): Promise<readonly LayerEntry[]> => {
  const names = await readdir(join(root, path), { withFileTypes: true });
  const found = await Promise.all(
    names.map(async (entry): Promise<readonly LayerEntry[]> => {
      const [from, name] = [join(path, entry.name), placeOf(join(path, entry.name))];
      if (LEFT_OUT.test(name)) return [];
      if (entry.isDirectory()) return entriesOf(root, from);
      if (entry.isSymbolicLink()) return [[{ name, type: 'symlink', linkname: await readlink(join(root, from)) }]];
      const { mode } = await stat(join(root, from));
      return entry.isFile() ? [[{ name, mode: mode & 0o777 }, await readFile(join(root, from))]] : [];
    }),
  );
  return found.flat();
};

/** What Debian has in there once the server is installed: accounts, settings, and no key of a host. */
const settled = async (root: string): Promise<readonly LayerEntry[]> => [
  ...[...MERGED].map((name) => [{ name, type: 'symlink', linkname: `usr/${name}` }] as const),
  [
    { name: 'etc/passwd', mode: 0o644 },
    'root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n',
  ],
  [{ name: 'etc/group', mode: 0o644 }, 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n'],
  [{ name: 'etc/shadow', mode: 0o640 }, 'root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n'],
  [{ name: 'etc/ssh/sshd_config', mode: 0o644 }, await readFile(join(root, 'usr/share/openssh/sshd_config'))],
  [{ name: 'root/', type: 'directory', mode: 0o700 }],
];

/** An image's layer with the OpenSSH server of Debian as people install it, and a shell. @throws Error it cannot be had here */
export const sshdLayer = async (): Promise<PushedLayer> => {
  const root = await provideTree();
  const own = (await busyboxEntries('ssh')).map(([header, content = '']): LayerEntry => [
    { ...header, name: placeOf(header.name) },
    content,
  ]);
  const applets = ['mkdir', 'mv', 'chmod', 'printf'].map(
    (applet) => [{ name: `usr/bin/${applet}`, type: 'symlink', linkname: 'busybox' }] as const,
  );
  return layerOf([...(await settled(root)), ...own, ...applets, ...(await entriesOf(root))]);
};
