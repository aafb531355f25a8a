import type { Owner } from './user-ids.js';

/** One way to isolate an instance. The driver tries them in order of strength and keeps the first that works here. */
export interface Level {
  readonly name: 'bubblewrap' | 'unshare' | 'process';
  /** What `kill` may aim at from inside: everything, in a namespace of processes; else the process group. */
  readonly aim: '-1' | 'group';
  /** Where the folders of instances are; a level may need them elsewhere than the agent's work folder. */
  readonly instancesDir: string;
  readonly warnings: readonly string[];
  /** Whether each instance runs as a user of its own; else all run as the agent's. */
  readonly hasOwnUsers: boolean;
  /** How the instance sees `folder`, its own one. */
  readonly paths: (folder: string) => { readonly job: string; readonly tmp: string; readonly ramfs: string };
  /** Arguments before the shell that runs in the instance. */
  readonly enter: (folder: string) => readonly string[];
  /** Text of an fstab to mount from inside; undefined: nothing to mount. */
  readonly fstab: ((id: string) => string) | undefined;
  /** Arguments before the command: lets go of every privilege, and becomes the instance's user. */
  readonly drop: (owner: Owner | undefined) => readonly string[];
  open(): Promise<void>;
  close(): Promise<void>;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** @param setpriv path of the program */
export const dropEverything = (setpriv: string, owner: Owner | undefined): readonly string[] => [
  setpriv,
  '--no-new-privs',
  '--bounding-set=-all',
  '--inh-caps=-all',
  '--ambient-caps=-all',
  ...(owner ? [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups'] : []),
  '--',
];

/** Folders of an isolated instance. */
export const ISOLATED_PATHS = { job: '/job', tmp: '/tmp', ramfs: '/dev/shm' } as const;
/** Size of the RAM-backed scratch, in percent of memory; its pages count for the instance where memory is limited. */
export const RAMFS_SIZE = '25%';
