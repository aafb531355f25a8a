import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { DEVICES, findProgram, type HostView } from './host-view.js';
import { dropEverything, isRoot, ISOLATED_PATHS, type Level, RAMFS_SIZE } from './level.js';
import { HOLD } from './scripts.js';

/** fstab(5) writes white space and backslashes as octal. */
const field = (path: string): string =>
  path.replaceAll(/[\\ \t\n#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`);

const fstabOf = (id: string): string => {
  const own = field(join('/.fornax', id));
  return [
    `${own}/job /job none bind,nosuid,nodev 0 0`,
    `${own}/tmp /tmp none bind,nosuid,nodev 0 0`,
    `fornax /dev/shm tmpfs nosuid,nodev,mode=1777,size=${RAMFS_SIZE} 0 0`,
    'fornax /dev/pts devpts newinstance,ptmxmode=0666,mode=0620,nosuid,noexec 0 0',
    // Last: from here on nobody finds the folders of other instances.
    'fornax /.fornax tmpfs ro,mode=000,size=4k 0 0',
    '',
  ].join('\n');
};

/**
 * Namespaces with the programs of util-linux. The root file system is built once, by a process that then only holds it; each
 * instance enters that mount namespace and adds its own few mounts in a copy, so a start costs no walk over the host's mounts.
 */
export const unshareLevel = async (
  workDir: string,
  instancesDir: string,
  view: HostView,
): Promise<Level | undefined> => {
  const programs = await Promise.all(['unshare', 'nsenter', 'setpriv', 'mount', 'pivot_root'].map(findProgram));
  const [unshare, nsenter, setpriv, mount, pivot] = programs;
  if (!unshare || !nsenter || !setpriv || !mount || !pivot) return undefined;
  const newRoot = join(workDir, 'root');
  let holder: ChildProcess | undefined;

  const open = async (): Promise<void> => {
    await mkdir(newRoot, { recursive: true, mode: 0o755 });
    const identity = isRoot() ? [] : ['--user', '--map-root-user'];
    const script = [
      newRoot,
      instancesDir,
      pivot,
      ...DEVICES,
      '--',
      ...view.topLevel,
      '--',
      ...view.hidden,
      '--',
      ...view.exposed,
    ];
    const child = spawn(
      unshare,
      [...identity, '--mount', '--propagation', 'private', '--', '/bin/sh', '-c', HOLD, 'fornax', ...script],
      {
        stdio: ['pipe', 'pipe', 'pipe'],
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
        detached: true, // Ctrl-C in a terminal is for the agent, which stops the rest in order
      },
    );
    holder = child;
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
  };

  return {
    name: 'unshare',
    aim: '-1',
    instancesDir,
    warnings: [],
    hasOwnUsers: isRoot(),
    paths: () => ISOLATED_PATHS,
    enter: () => {
      const ns = `/proc/${holder?.pid ?? 0}/ns`;
      const identity = isRoot() ? [] : ['--preserve-credentials', `--user=${ns}/user`];
      return [
        nsenter,
        ...identity,
        `--mount=${ns}/mnt`,
        '--',
        unshare,
        '--mount',
        '--pid',
        '--ipc',
        '--uts',
        '--fork',
        '--kill-child',
        '--mount-proc',
        '--',
      ];
    },
    fstab: fstabOf,
    drop: (owner) => dropEverything(setpriv, owner),
    open,
    close: async () => {
      const child = holder;
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    },
  };
};
