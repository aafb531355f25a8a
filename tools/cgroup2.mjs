#!/usr/bin/env node
// Asks the driver of instances on a kernel with version 2 of control groups: `npm run test:cgroup2`. See tools/cgroup2.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { ensureReady, root } from './bootstrap.mjs';
import { archiveOf } from './cgroup2/archive.mjs';
import { boot } from './cgroup2/machine.mjs';

const run = promisify(execFile);
const QEMU = 'qemu-system-x86_64';
const { values } = parseArgs({
  options: {
    install: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '40' },
    as: { type: 'string', multiple: true, default: ['root', 'user', 'alone', 'container'] },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(`Usage: npm run test:cgroup2 [-- --install] [-- --minutes N] [-- --as WHO]
Boots a kernel of Debian's in QEMU, without KVM, on this machine's own files, which it may read and not change, with version 2 of control groups alone,
and asks of libs/drivers what tools/cgroup2/checks.mjs says: as root, and as an ordinary user to whom a group was delegated. Some minutes; not a part of npm test.
--install  installs qemu-system-x86 first, with apt-get
--minutes  after which a machine is switched off (40)
--as       one of root, user (in a session of several processes), alone (a user whose group holds nothing but its agent), container (root of a namespace)`);
  process.exit(0);
}
const say = (text) => console.error(`[${new Date().toISOString().slice(11, 19)}] ${text}`);
const stop = (text) => {
  console.error(text);
  process.exit(1);
};

if (process.arch !== 'x64')
  stop('The machine that is booted is one of x86-64, and runs the programs of this one: run this on x64.');
const node = await ensureReady();
const { unpackPackage } = await import('../libs/embedded/dist/index.js');
if (values.install) {
  say('installing qemu-system-x86');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['install', '-y', '--no-install-recommends', 'qemu-system-x86'], { env, maxBuffer: 1 << 26 });
}
await run(QEMU, ['--version']).catch(() =>
  stop(`There is no ${QEMU}: run this with -- --install, or install Debian's qemu-system-x86.`),
);

/** Unpacks a package of Debian's once. @returns the folder that stands for `/` */
const unpacked = async (name) => {
  const folder = join(root, '.fornax', 'cgroup2', name);
  if (existsSync(join(folder, 'done'))) return join(folder, 'root');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  say(`fetching ${name}`);
  const found = await unpackPackage(name, folder, { env: process.env, onProgress: say });
  if (found.reason !== undefined) stop(`${name} cannot be had: ${found.reason}`);
  writeFileSync(join(folder, 'done'), '');
  return found.root;
};

/** The newest kernel that the lists of packages know: what the package without a version depends on. */
const kernelPackage = async () => {
  const { stdout } = await run('apt-cache', ['depends', 'linux-image-amd64']).catch(() => ({ stdout: '' }));
  return (
    /Depends: (linux-image-\S+)/.exec(stdout)?.[1] ??
    stop('apt-cache knows no linux-image-amd64: run apt-get update, on Debian.')
  );
};

const kernel = await unpacked(await kernelPackage());
const busybox = await unpacked('busybox-static');
const [version] = readdirSync(join(kernel, 'lib', 'modules'));
say(`kernel ${version}`);
const folder = mkdtempSync(join(tmpdir(), 'fornax-cgroup2-'));
let hasFailed = false;
try {
  const initramfs = join(folder, 'initramfs');
  writeFileSync(initramfs, archiveOf({ kernel, version, busybox }));
  for (const who of values.as) {
    say(`booting, to run the checks as ${who}`);
    const code = await boot({
      program: QEMU,
      kernel: join(kernel, 'boot', `vmlinuz-${version}`),
      initramfs,
      order: { who, node, root },
      folder,
      timeoutMs: Number(values.minutes) * 60_000,
    });
    say(
      code === undefined ? `as ${who}: the machine ended without a word` : `as ${who}: the checks ended with ${code}`,
    );
    hasFailed ||= code !== 0;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(hasFailed ? 1 : 0);
