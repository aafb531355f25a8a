import { totalmem } from 'node:os';
import { join } from 'node:path';

import type { GroupView } from '../cgroup/cgroup.js';
import type { WayOut } from '../network/way-out.js';
import type { UserNumbers } from '../driver/driver.js';
import { copyOf } from './copied-root.js';
import type { Owner } from './user-ids.js';

/** An instance that is to start. */
export interface Place {
  readonly id: string;
  /** Its folder on the host. */
  readonly folder: string;
  /** Files of control groups: who writes its number into them has joined. */
  readonly joinFiles: readonly string[];
  /** The user that it runs as; undefined: the agent's. */
  readonly owner: Owner | undefined;
  readonly network: PlaceNetwork;
  /** Its control groups, as it is to see them: each folder, and where it is inside. */
  readonly groups: readonly GroupView[];
  /** Size of its RAM-backed scratch. */
  readonly ramfsBytes: number;
  /** The folder of its secrets on the host; undefined where there is no memory for files. */
  readonly secrets: string | undefined;
  /** What its own files lie over; only at a level with `viewOf`. */
  readonly over?: Lower | undefined;
  /** What it sees in the place of the machine's files; only at a level with `openRoot`. */
  readonly root?: string | undefined;
  /** How it may change that, for itself, in the folder `CHANGES` of its own. Absent: not at all. */
  readonly changes?: RootChanges | undefined;
  /** Whom its command takes itself for. */
  readonly seenAs?: UserNumbers | undefined;
  /** Where its command starts; its own folder where absent. */
  readonly directory?: string | undefined;
}

/** What an instance changes of its root lies over that (overlayfs), or in copies that it has of it from its start on. */
export type RootChanges = 'overlay' | 'copies';

/** A tree of files that others lie over, and that nobody changes while they do. */
export interface Lower {
  /** Whether the files lie over it since an earlier start. */
  readonly isLaid?: boolean;
  /** On the host, below the folder of instances. */
  readonly tree: string;
  /** Whose it is; undefined: the agent's user. */
  readonly owner: Owner | undefined;
}

/** In the folder of an instance whose files lie over others: for the kernel, and where both are seen together. */
export const LAYER_FOLDERS = ['lower', 'work', 'view'] as const;

/** In the folder of an instance: what it changes of its image. */
export const CHANGES = 'changes';

/** The network of an instance: the host's, one with nothing but loopback, or one that was made for it. */
export type PlaceNetwork = 'host' | 'none' | Pick<WayOut, 'networkFile' | 'userFile'>;

/** One way to isolate an instance. The driver tries them in order of strength and keeps the first that works here. */
export interface Level {
  readonly name: 'bubblewrap' | 'unshare' | 'process';
  /** What signals aim at: every process, in a namespace of processes; else the command's process group. */
  readonly aim: 'all' | 'group';
  /** Where the folders of instances are; a level may need them elsewhere than the agent's work folder. */
  readonly instancesDir: string;
  readonly warnings: readonly string[];
  /** Whether each instance runs as a user of its own; else all run as the agent's. */
  readonly hasOwnUsers: boolean;
  /** The user namespace that a network has to belong to, so that an instance may enter it: a file, `new`, or undefined for the agent's. */
  readonly usersOfNetworks: (root?: string) => string | undefined;
  /** How the instance sees `folder`, its own one. */
  readonly paths: (
    folder: string,
    secrets: string | undefined,
  ) => { readonly job: string; readonly tmp: string; readonly ramfs: string; readonly secrets: string };
  /** What to start for an instance: the first process, which then is told what to run. */
  readonly argv: (place: Place) => readonly [string, ...string[]];
  /** Where the agent finds the files of such an instance from its start on; absent: this level cannot lay files over others. */
  readonly viewOf?: (id: string, root?: string) => string;
  /**
   * Makes ready what instances with this root share, once; absent: this level shows the machine's files alone.
   * @returns its folders, as instances see them  @throws Error it cannot be shown
   */
  readonly openRoot?: (root: string) => Promise<readonly string[]>;
  /** Lets go of it. */
  readonly closeRoot?: (root: string) => Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** The part of the first process' arguments that all levels share: where it joins, and whose the command is. */
export const entering = ({ folder, joinFiles }: Place): readonly string[] => [
  '--pid-file',
  join(folder, 'pid'),
  ...joinFiles.flatMap((file) => ['--join', file]),
];

/** A network that was made for it, and the user namespace in which it may enter that. */
export const enteringNetwork = ({ network }: Place): readonly string[] =>
  typeof network === 'string'
    ? []
    : [
        ...(network.userFile === undefined ? [] : ['--namespace-user', network.userFile]),
        ...['--namespace-network', network.networkFile],
      ];

/** In the folder of an instance: whom it asks for names, where that is not whom the host asks. */
export const RESOLVER_FILE = 'resolv.conf';

/** Where an instance finds whom to ask for names, if that is a file of its own: in an image, also for what shares the host's network. */
export const resolverOf = ({ network, root }: Place, resolver: string | undefined): readonly string[] => {
  if (root !== undefined) return network === 'none' ? [] : ['/etc/resolv.conf'];
  return resolver === undefined || typeof network === 'string' ? [] : [resolver];
};

export const running = (
  directory: string,
  aim: Level['aim'],
  { owner, seenAs }: Pick<Place, 'owner' | 'seenAs'>,
): readonly string[] => [
  '--directory',
  directory,
  '--aim',
  aim,
  ...(owner ? ['--user', String(owner.uid), String(owner.gid)] : []),
  ...(seenAs ? ['--seen-as', String(seenAs.uid), String(seenAs.gid)] : []),
];

/**
 * Lets an instance change folders of its image. Those belong to the agent's user there, and to the instance's here.
 * @param changes its folder of changes, as the first process finds it
 */
export const changing = (
  { owner, changes: how }: Place,
  folders: readonly string[],
  changes: string,
): readonly string[] => {
  if (how === 'copies') return showingCopies(folders, changes);
  if (how === undefined) return [];
  return [
    ...(owner ? ['--lower-user', '0', String(owner.uid)] : []),
    ...folders.flatMap((path, at) => ['--writable', path, join(changes, String(at))]),
  ];
};

/** Shows an instance its copies of folders of its image where those are. */
export const showingCopies = (folders: readonly string[], changes: string): readonly string[] =>
  folders.flatMap((path, at) => ['--bind', copyOf(changes, at), path]);

/**
 * Parts of /proc and /sys that tell of the machine, or change it, as the OCI runtimes hide and protect them. What this kernel does not have is
 * left out by whoever mounts.
 */
export const MASKED_PATHS = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
] as const;
export const READ_ONLY_PATHS = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'] as const;

/** Folders of an isolated instance. */
export const ISOLATED_PATHS = { job: '/job', tmp: '/tmp', ramfs: '/dev/shm', secrets: '/run/secrets' } as const;
/** Where an instance sees its control groups. */
export const GROUPS_PATH = '/sys/fs/cgroup';

/**
 * Size of the RAM-backed scratch: half of the memory that the instance may have, so that filling it is refused before memory runs out; a quarter of the
 * machine's for an instance without a limit.
 */
export const ramfsBytes = (memoryMB: number): number =>
  Math.floor(memoryMB > 0 ? (memoryMB * 1_048_576) / 2 : totalmem() / 4);

/** What the first process shows of control groups, in place of those of the machine. */
export const showingGroups = (groups: readonly GroupView[]): readonly string[] => [
  ...groups.flatMap(({ folder, name }) => ['--group', folder, name]),
  ...['--groups', GROUPS_PATH],
];
