import type { Server, Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

import type { Doors } from '../network/listen-within.js';

/**
 * How a node runs an instance. A driver never decides: it runs what it is told and says what it saw.
 *
 *   prepare -> folders exist, inputs may be put into `jobDir`
 *   start   -> the command runs; `exit` settles once no process of the instance is left
 *   dispose -> the folders are gone
 */
export interface Driver {
  /** Finds out what this machine permits. Call once, before anything else; also removes what an earlier process left. */
  probe(): Promise<DriverFacts>;
  prepare(spec: InstanceSpec): Promise<PreparedInstance>;
  /** Instances like this are to come soon: what can be made for one before it is needed is made. */
  expect?(spec: Omit<InstanceSpec, 'id'>): void;
  /** No instance has this root any more, and its folder is about to go. */
  forget?(root: string): Promise<void>;
  /**
   * Lets the instances live for so many milliseconds from now. From the first call on, each driver sees to it that they are killed when that time
   * is over without another one, and that none starts: also while this process is stopped, dead, or the machine slept. So not by a timer in here.
   */
  allow(forMs: number): void;
  /** Whether a command may take itself for another user, for drivers that may not have known it when they were asked first. Absent: `DriverFacts.masksUsers`. */
  masksUsers?(): Promise<boolean>;
  /** Kills every instance and lets go of all resources. */
  close(): Promise<void>;
}

/** What an instance may reach: `none` is itself alone; `outgoing` is what the node lets out besides. */
export type Network = 'none' | 'outgoing';

export interface DriverFacts {
  /** e.g. `sandbox/unshare`; what a node says when it joins. */
  readonly name: string;
  /** What an operator should know: isolation or limits that this machine does not permit. */
  readonly warnings: readonly string[];
  /** Limits that the kernel enforces here. */
  readonly limits: readonly ('memory' | 'cpu' | 'pids')[];
  /** PATH inside of an instance: those of the asked folders that it can see. */
  readonly path: string;
  /** Whether instances with the network `outgoing` get out; absent: not known. */
  readonly wayOut?: boolean;
  /** Whether connections can be carried into instances; absent: not known. */
  readonly waysIn?: boolean;
  /** Whether an instance may see an image in the place of the machine's files; absent: not known. */
  readonly images?: boolean;
  /** Whether an instance may see the machine's files; absent: it may. */
  readonly hostPrograms?: boolean;
  /** Graphics processors that each instance has; absent: none. */
  readonly gpus?: number;
  /** Whether an instance may have what lies in a folder of another without a copy of it (`InstanceSpec.over`). */
  readonly laysOver?: boolean;
  /** Whether a command may take itself for another user than it is (`InstanceCommand.seenAs`). */
  readonly masksUsers?: boolean;
}

export interface InstanceSpec {
  /** Unique among the instances of this node; names the folder. */
  readonly id: string;
  /** CPU time per wall time; 0 = unlimited. May be a fraction. */
  readonly cores: number;
  /** 0 = unlimited. */
  readonly memoryMB: number;
  /** `none` unless it says otherwise; where instances share the host's network, both are that. */
  readonly network?: Network;
  /**
   * A folder of another instance of this driver, in which nothing runs and nobody changes anything any more: this one is to have all that lies there, as if it were
   * its own. What it has itself comes first. Ignored unless `DriverFacts.laysOver`.
   */
  readonly over?: string | undefined;
  /** The image of an engine that it runs in, by its id there. Only a driver of an engine reads it, and needs it. */
  readonly image?: string | undefined;
  /** By what people find it where the driver shows that: the task, say. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** A folder of the agent's that it sees, read-only, in the place of the machine's own files: the root of an image. Absent: the machine's. */
  readonly root?: string | undefined;
}

/** A file with a secret: its path has no empty part, nor `.` or `..`. */
export interface SecretFile {
  readonly path: string;
  readonly content: Uint8Array;
}

export interface PreparedInstance {
  /** The working directory as the agent sees it: another one from the start on, for an instance that lies over a folder. */
  readonly jobDir: string;
  /** Where what it has itself lies, and what it changes, from the start on; undefined for an instance that lies over nothing. */
  readonly ownDir?: string | undefined;
  /** Whether its user is not the agent's, so that it cannot write what the agent has there read-only. Files of the agent with another name elsewhere stay its own. */
  readonly hasOwnUser: boolean;
  /** Of one that sees an image: whether it may change the files of that, for itself and until it ends. */
  readonly mayChangeRoot: boolean;
  /** The same folders as the instance sees them. */
  readonly paths: {
    readonly job: string;
    readonly tmp: string;
    readonly ramfs: string;
    /** Where its secrets are. */
    readonly secrets: string;
  };
  /**
   * Puts secrets there, in files of memory that the instance alone may read; earlier ones of the same names are replaced. Also while it runs. Waits for
   * the memory that other instances have of what the node keeps for secrets.
   * @throws Error this machine has no memory for files, or less; the signal's reason
   */
  putSecrets(files: readonly SecretFile[], signal?: AbortSignal): Promise<void>;
  /**
   * Lets a server listen on the socket `SECRETS_SOCKET` in the folder of its secrets, to which the instance alone may connect. `dispose` closes it.
   * @throws Error this machine has no memory for files
   */
  serveSecrets(server: Server): Promise<void>;
  /** Makes what the agent has put there the instance's own, as `start` does, for one in which nothing is started. */
  handOver(): Promise<void>;
  /**
   * Runs a command in it: once more after one is over, too, with the files that are there.
   * @throws Error the instance could not be set up; a command that does not exist is no error, but exit code 127
   * @throws CommandTooLong Linux does not take it
   */
  start(command: InstanceCommand): Promise<RunningInstance>;
  /** Bytes that its files take on the disk of the folders, those that were deleted and are still held too. Never rejects. */
  diskBytes(): Promise<number>;
  /** Files and folders that it has there. Never rejects. */
  diskFiles(): Promise<number>;
  /** What is left of both once nothing of it runs. Never rejects. */
  diskLeft(): Promise<{ readonly bytes: number; readonly files: number }>;
  /** Removes the folders. Kills what still runs. Safe to repeat. */
  dispose(): Promise<void>;
}

export interface InstanceCommand {
  readonly argv: readonly [string, ...string[]];
  /** The whole environment, taken as it is: any name that holds neither `=` nor a zero byte; nothing of the agent's own is added. */
  readonly env: Readonly<Record<string, string>>;
  /** Where it starts, as it sees it; the working directory of the instance where absent. Nothing starts where it does not exist. */
  readonly directory?: string | undefined;
  /** Whom it takes itself for, and its files for; absent: who it is. It has no more rights by that. Only where `DriverFacts.masksUsers`. */
  readonly seenAs?: UserNumbers | undefined;
  /** Ports of its own loopback on which the node listens from before it begins until it is over. @throws Error of `start`: it shares the network of the machine, say */
  readonly doors?: Doors | undefined;
}

export interface UserNumbers {
  readonly uid: number;
  readonly gid: number;
}

export interface RunningInstance {
  /** Milliseconds since the epoch, when the command was launched. */
  readonly startedAt: number;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Never rejects. The streams may still hold output when it settles, but nobody writes to them any more. */
  readonly exit: Promise<InstanceExit>;
  /** What its processes have used and hold now. Never rejects; what this machine does not tell is left out. */
  measure(): Promise<InstanceUse>;
  /** Sends a signal, `USR1` say, to those of its processes that handle it. @returns how many got it; 0 also once it is over. Never rejects. */
  tell(signal: string): Promise<number>;
  /**
   * Stops all of its processes until `thaw`, and for at most so long: they go on by themselves then, also when this process stands still; and are killed when
   * it is dead. `terminate` and `kill` end them all the same.
   * @returns whether all stand still; false also once it is over. Never rejects.
   */
  freeze(forMs: number): Promise<boolean>;
  /** Lets all of its processes go on. Safe to repeat. */
  thaw(): void;
  /**
   * Connects to a port of its own loopback. All such connections end with it.
   * @throws NothingListens nothing of it listens there @throws Error it shares the network of the machine, say
   */
  connect(port: number): Promise<Socket>;
  /**
   * Runs one more command in it, with no more rights than its own has, in the same namespaces and control groups. It ends with the instance.
   * @throws Error there is no way into instances of this node, it is over, or it holds as many as it may
   */
  enter(command: EnteringCommand): Promise<EnteredCommand>;
  /** SIGTERM to every process of the instance. */
  terminate(): void;
  /** SIGKILL to every process of the instance. */
  kill(): void;
}

/** Rows and columns of a terminal. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** One more command for an instance that runs; its environment and folder are those of the instance's own. */
export interface EnteringCommand {
  readonly argv: readonly [string, ...string[]];
  /** What it has of its environment besides; TERM, say. */
  readonly env?: Readonly<Record<string, string>>;
  /** It has a terminal of this size, in the place of pipes. */
  readonly terminal?: TerminalSize | undefined;
}

/** One that runs. Whoever has it reads both outputs, or it waits. */
export interface EnteredCommand {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Nothing comes here of one with a terminal. */
  readonly stderr: Readable;
  /** Never rejects. The outputs may still hold something when it settles. */
  readonly exit: Promise<{ readonly exitCode: number; readonly signal?: string }>;
  /** Changes the size of its terminal. */
  resize(size: TerminalSize): void;
  /** Ends it, and all that it has started and that is still of its session. Safe to repeat. */
  kill(): void;
}

export interface InstanceUse {
  /** User and system time so far; may be behind for processes that ended unwaited for. */
  readonly cpuMs?: number;
  readonly memoryMB?: number;
  /** Bytes over TCP so far, to and from other machines and the host; left out where they cannot be told from those of other instances. */
  readonly receivedBytes?: number;
  readonly sentBytes?: number;
}

export interface InstanceExit {
  /** `killed` without a request of ours: somebody else did, or the machine ran out of memory. */
  readonly kind: 'exited' | 'killed' | 'out-of-memory';
  /** As a shell tells it: 128 + n for signal n. Absent if nobody was left to tell. */
  readonly exitCode?: number;
  /** Name of the signal that ended the command; absent when it ended by itself, also with a code above 128. */
  readonly signal?: string;
  readonly endedAt: number;
  /** User and system time of all processes of the instance. */
  readonly cpuMs?: number;
  readonly peakMemoryMB?: number;
  /** Processes that were killed for memory, when there were any and the machine tells. */
  readonly memoryKills?: number;
}
