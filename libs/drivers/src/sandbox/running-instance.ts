import type { Readable } from 'node:stream';

import type { Cgroup } from '../cgroup/cgroup.js';
import type { InstanceCommand, InstanceExit, InstanceUse, RunningInstance, UserNumbers } from '../driver/driver.js';
import { type EnterStart, Entries } from './entered-commands.js';
import { CommandTooLong, messageOf, readStatus, SetUpRefused } from './first-process.js';
import type { Started } from '../process/starter.js';
import { endUser } from '../process/end-user.js';
import { heldMemoryMB } from '../process/held-memory.js';
import { continueChildren, findByEnvironment, signalQuietly, treeUse } from '../process/proc.js';
import { type TcpBytes, type TcpTable, TcpUse } from '../process/tcp-use.js';
import { listenWithin } from '../network/listen-within.js';
import { insideOf, WayIn } from '../network/way-in.js';
import type { WayOut } from '../network/way-out.js';
import { initProgram } from '../process/init-program.js';
import { standStill } from './held-processes.js';
import type { Level, Lower, RootChanges } from './level.js';
import { markOf } from '../process/mark.js';
import type { Owner } from './user-ids.js';

/** How often memory is looked at where the kernel does not count it. */
const SAMPLE_MS = 250;
/** Every so many looks go through all that is held: it costs more. */
const THOROUGH_EACH = 4;
/**
 * How often it is looked whether somebody outside stopped the process that tells the end of a command, which is billed until then. Its parent would hear
 * of it, and continues it where that is ours (`native/src/isolate.c`); bwrap does not.
 */
const CONTINUE_MS = 1_000;

/** How long threads may take to come to a stop: those that write to a disk that is slow, say. */
const FREEZE_MS = 5_000;

export interface Launch {
  readonly id: string;
  /** The instance's folder on the host. */
  readonly folder: string;
  /** Whether signals reach all of a namespace, and what its first process is told to do. */
  readonly level: Pick<Level, 'aim' | 'argv'> & { readonly name: string };
  /** The user that it runs as; undefined: the agent's. */
  readonly owner: Owner | undefined;
  readonly network: 'host' | 'none' | WayOut;
  readonly cgroup: Cgroup | undefined;
  readonly ramfsBytes: number;
  /** The folder of its secrets on the host. */
  readonly secrets: string | undefined;
  /** What its files lie over. */
  readonly over?: Lower | undefined;
  /** What it sees in the place of the machine's files. */
  readonly root?: string | undefined;
  /** How it may change that. */
  readonly changes?: RootChanges | undefined;
  /** Whom its command takes itself for. */
  readonly seenAs?: UserNumbers | undefined;
  /** Where its command starts. */
  readonly directory?: string | undefined;
  /** Kill above this if the kernel does not; 0 = never. */
  readonly watchMemoryMB: number;
  /** Starts its first process. */
  readonly start: (argv: readonly [string, ...string[]], env: Readonly<Record<string, string>>) => Promise<Started>;
  /** Starts one more command in it; absent: there is no way in. */
  readonly enter?: EnterStart;
  /** Where the bytes of connections are counted; undefined: nowhere. */
  readonly connections: TcpTable | undefined;
  /** Uptime after which it must not start any more, asked for when it is about to; undefined: whenever. */
  readonly until: () => number | undefined;
}

/** A sandbox that waits to be told what to run, which happens once. */
export interface Sandbox {
  /** Whether it has ended by itself, or was ended from outside. */
  readonly isOver: () => boolean;
  /**
   * @param answerMs by a monotonic clock: a sandbox that has not begun the command by then is ended
   * @throws Error the sandbox could not be set up, is over, or did not answer in time
   */
  run(command: InstanceCommand, answerMs?: number): Promise<LaunchedInstance>;
  /** Ends one that was told nothing. Safe to repeat. */
  discard(): Promise<void>;
}

/** Bytes of what a command wrote before it was known that it does not run. */
const COMPLAINT_BYTES = 1_000;

/** Calls `then` after so long, and after what has come meanwhile is read: this process may itself have stood still. @returns prevents it */
const afterTurn = (ms: number, then: () => void): (() => void) => {
  let isOff = false;
  const timer = setTimeout(() => setImmediate(() => setImmediate(() => isOff || then())), ms);
  return () => {
    isOff = true;
    clearTimeout(timer);
  };
};

/** Watches the tree's memory where no control group counts it: by a sum that is never too small for what is mapped, and page by page now and then. */
const watchMemory = (
  pids: () => readonly number[],
  limitMB: number,
  kill: () => void,
): { readonly stop: () => { peakMB: number | undefined; exceeded: boolean } } => {
  let peakMB: number | undefined;
  let exceeded = false;
  const look = async (isThorough: boolean): Promise<void> => {
    const { pids: all, memoryMB } = await treeUse(...pids());
    const heldMB = limitMB > 0 && (isThorough || memoryMB > limitMB) ? await heldMemoryMB(all) : memoryMB;
    if (heldMB > 0) peakMB = Math.max(peakMB ?? 0, heldMB);
    if (limitMB === 0 || heldMB <= limitMB || exceeded) return;
    exceeded = true;
    kill();
  };
  let samples = 0;
  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    samples += 1;
    void look(samples % THOROUGH_EACH === 0).finally(() => (isLooking = false));
  }, SAMPLE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return { peakMB, exceeded };
    },
  };
};

/** What only the driver asks of what runs. */
export interface LaunchedInstance extends RunningInstance {
  /** Numbers of its processes, as far as this machine tells them. Never rejects. */
  processes(): Promise<readonly number[]>;
}

/** The kernel's count where there is a control group for it, else that of the process tree. */
const measure = async (
  roots: readonly number[],
  cgroup: Cgroup | undefined,
  moved: ((pids: readonly number[]) => Promise<TcpBytes>) | undefined,
): Promise<InstanceUse> => {
  const counted = cgroup?.use() ?? {};
  const isComplete = counted.cpuMs !== undefined && counted.memoryMB !== undefined;
  const { pids, memoryMB, cpuMs } = isComplete
    ? { ...counted, pids: cgroup?.processes() ?? [] }
    : await treeUse(...roots);
  if (pids.length === 0) return counted;
  const bytes = await moved?.(pids);
  return {
    ...(memoryMB === undefined ? {} : { memoryMB }),
    ...(cpuMs === undefined ? {} : { cpuMs }),
    ...counted,
    ...bytes,
  };
};

/** What counts the bytes that it moves: its network, if it has a way out; its connections, where it shares the host's. */
const movedBy = ({ network, connections }: Launch): ((pids: readonly number[]) => Promise<TcpBytes>) | undefined => {
  if (typeof network !== 'string') return () => network.measure();
  const tcp = network === 'host' && connections ? new TcpUse(connections) : undefined;
  return tcp && ((pids) => tcp.measure(pids));
};

/** Opens its way in at the first call, for all; it ends with the instance. */
const wayInto = ({ network, folder }: Launch, child: Started, exit: Promise<unknown>): (() => Promise<WayIn>) => {
  let opened: Promise<WayIn> | undefined;
  const open = async (): Promise<WayIn> => {
    if (network === 'host')
      throw new Error('instances of this node share its network: there is no way into one of them');
    const inside = await insideOf(child);
    const way = await WayIn.open(await initProgram(), folder, inside).finally(() => inside.hold.close());
    void exit.then(() => way.close());
    return way;
  };
  return () =>
    (opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    }));
};

/** Opens what is to be open when the command begins, until its end. @throws Error it cannot be */
const openDoors = async (
  { network }: Launch,
  child: Started,
  { doors }: InstanceCommand,
  exit: Promise<unknown>,
): Promise<void> => {
  if (doors === undefined) return;
  if (network === 'host')
    throw new Error('instances of this node have no network in which it could listen for others of their task');
  const close = await listenWithin(await initProgram(), child, doors);
  void exit.then(close);
};

/** Runs a command in its sandbox. @throws Error the sandbox could not be set up */
export const launch = async (how: Launch, command: InstanceCommand): Promise<LaunchedInstance> => {
  // Before anything is begun: this may be refused.
  messageOf(how, command);
  return (await openSandbox(how)).run(command);
};

/** Starts the first process of a sandbox, which makes the rest of it and then waits. */
export const openSandbox = async (how: Launch): Promise<Sandbox> => {
  const [mark = '', markValue = ''] = markOf(how.id).split('=');
  const { joinFiles = [], views: groups = [] } = how.cgroup ?? {};
  // The group counts for all that ran in it; what is told is this one's.
  const usedBefore = how.cgroup?.usage();
  const argv = how.level.argv({ ...how, joinFiles, groups });
  const child = await how.start(argv, how.level.aim === 'group' ? { [mark]: markValue } : {});
  const { out, err, control, order } = child;
  control.on('error', () => undefined);
  const status = readStatus(child.status);
  const ended = Promise.all([child.ended, closed(child.status)]);

  let isOurKill = false;
  // Whoever is in the group is killed while this goes on, one that begins in the same room too: so nothing is over before it.
  let emptying: Promise<unknown> = Promise.resolve();
  const emptyGroup = (): Promise<unknown> => (emptying = Promise.all([emptying, how.cgroup?.kill()]));
  const kill = (): void => {
    isOurKill = true;
    if (child.isOver()) return;
    child.kill();
    void emptyGroup();
  };
  let watch: ReturnType<typeof watchMemory> | undefined;
  let continuing: NodeJS.Timeout | undefined;
  let isOver = false;
  let isTold = false;

  // The end is told as the start and what has passed since: how long the command ran is billed, whatever the time of day is set to meanwhile.
  let begun = { at: Date.now(), elapsed: performance.now() };
  const exit = ended.then(async (): Promise<InstanceExit> => {
    const endedAt = begun.at + Math.round(performance.now() - begun.elapsed);
    isOver = true;
    clearInterval(continuing);
    const { peakMB, exceeded } = watch?.stop() ?? { peakMB: undefined, exceeded: false };
    if (how.level.aim === 'group') {
      await emptyGroup();
      // A control group has them all. Without one they are found by their environment, the command's own group too: its number may be another's by now.
      const strays = how.cgroup ? [] : await findByEnvironment(markOf(how.id));
      for (const pid of strays) signalQuietly(pid, 'SIGKILL');
      if (how.owner) await endUser(how.owner.uid);
    }
    await emptying;
    control.destroy();
    const usage = how.cgroup?.usage();
    const { exitCode, signal, cpuMs: toldMs } = status.end();
    const cpuMs = usage?.cpuMs === undefined ? toldMs : usage.cpuMs - (usedBefore?.cpuMs ?? 0);
    const peakMemoryMB = usage?.peakMemoryMB ?? peakMB;
    const memoryKills = (usage?.oomKills ?? 0) - (usedBefore?.oomKills ?? 0);
    const ranOut = exceeded || (memoryKills > 0 && exitCode !== 0);
    return {
      kind: ranOut ? 'out-of-memory' : exitCode === undefined ? 'killed' : 'exited',
      ...(exitCode === undefined ? (isOurKill ? { signal: 'SIGKILL' } : {}) : { exitCode }),
      ...(signal === undefined ? {} : { signal }),
      endedAt,
      ...(cpuMs === undefined ? {} : { cpuMs }),
      ...(peakMemoryMB === undefined ? {} : { peakMemoryMB }),
      ...(memoryKills === 0 ? {} : { memoryKills }),
    };
  });

  // Of one that ends before it is told what to run, nobody waits for this.
  status.started.catch(() => undefined);
  const closeOutput = (): void => {
    out.destroy();
    err.destroy();
  };

  const discard = async (): Promise<void> => {
    if (isTold) return;
    kill();
    // What is inside may have outlived the process that we know, if that was ended while it made the sandbox: it is told that nothing comes.
    order.destroy();
    control.destroy();
    await emptyGroup();
    await exit;
    closeOutput();
  };

  const run = async (command: InstanceCommand, answerMs?: number): Promise<LaunchedInstance> => {
    const message = messageOf(how, command);
    await openDoors(how, child, command, exit).catch(async (error: unknown) => {
      await discard();
      throw error;
    });
    isTold = true;
    order.end(message);
    const entries = new Entries(how, { ...child, isOver: () => isOver || child.isOver() }, command);
    void exit.then(() => entries.close());
    const roots = (): readonly number[] => [child.pid, ...entries.guards];
    watch = watchMemory(roots, how.watchMemoryMB, kill);
    if (how.level.name === 'bubblewrap') continuing = setInterval(() => void continueChildren(child.pid), CONTINUE_MS);
    // One that says it has begun while it is ended was begun, and runs nowhere else.
    const late = answerMs === undefined ? undefined : afterTurn(answerMs, kill);
    try {
      await status.started.finally(late);
    } catch (cause) {
      await exit;
      const complaint = String(err.read() ?? '')
        .trim()
        .slice(0, COMPLAINT_BYTES);
      closeOutput();
      if (cause instanceof CommandTooLong) throw cause;
      if (complaint === '') throw new Error('the sandbox could not be set up', { cause });
      throw new SetUpRefused(`the sandbox could not be set up: ${complaint}`, { cause });
    }
    const moved = movedBy(how);
    // Those that watch over entered commands are outside of its processes.
    const processes = async (): Promise<readonly number[]> => {
      const all = how.cgroup?.processes() ?? (await treeUse(...roots())).pids;
      return all.filter((pid) => !entries.guards.includes(pid));
    };
    const say = (order: string): boolean => {
      if (control.destroyed || isOver) return false;
      control.write(`${order}\n`);
      return true;
    };
    const entry = wayInto(how, child, exit);
    begun = { at: Date.now(), elapsed: performance.now() };
    const startedAt = begun.at;
    return {
      startedAt,
      stdout: out,
      stderr: err,
      exit,
      measure: () => measure(roots(), how.cgroup, moved),
      processes,
      tell: (signal) => (say(`TELL ${signal}`) ? status.told() : Promise.resolve(0)),
      freeze: async (forMs) => {
        if (!say(`HOLD ${Math.ceil(forMs / 1_000)}`)) return false;
        return (await standStill(processes, child.pid, FREEZE_MS)) && !isOver;
      },
      thaw: () => void say('CONT'),
      connect: async (port) => (await entry()).connect(port),
      enter: (entering) => entries.enter(entering),
      terminate: () => void say('TERM'),
      kill,
    };
  };
  return {
    run,
    isOver: () => isOver || child.isOver(),
    discard,
  };
};

const closed = (stream: Readable): Promise<void> =>
  new Promise((resolve) => {
    stream.once('close', resolve);
  });
