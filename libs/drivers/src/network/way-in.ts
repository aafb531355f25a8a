import { type ChildProcess, spawn } from 'node:child_process';
import { type FileHandle, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';

import { errorCode } from '../process/error-code.js';
import type { InsideProcess, KnownProcess } from '../process/known-process.js';

const OPEN_MS = 10_000;
const COMPLAINT_CHARS = 500;
const FOLDER = 'way-in';

/** Nothing listens on that port of the instance. */
export class NothingListens extends Error {
  override readonly name = 'NothingListens';
}

/** No process is seen inside: it has not begun yet, has no namespaces of its own, or is over. */
export class NoneInside extends Error {
  override readonly name = 'NoneInside';
  constructor() {
    super('the instance has no namespaces of its own, or is over');
  }
}

/** Holds the namespace of a process. @param isIts whether it still is the process that was meant @throws Error it is not, or has no namespace of its own */
export const holdInside = async (pid: number, isIts: () => Promise<boolean>): Promise<InsideProcess> => {
  const hold = await open(`/proc/${pid}/ns/pid`).catch((error: unknown) => {
    throw ['ENOENT', 'ESRCH'].includes(errorCode(error) ?? '') ? new NoneInside() : error;
  });
  try {
    const [{ ino }, own] = await Promise.all([hold.stat(), stat('/proc/self/ns/pid')]);
    // Asked after it is held: it was this instance's all the while.
    if (!(await isIts()) || ino === own.ino) throw new NoneInside();
    return { pid, namespace: String(ino), hold };
  } catch (error) {
    await hold.close();
    throw error;
  }
};

/** Finds the first process inside of the namespaces of an instance. @throws Error it is over, has no namespace of its own, or is not seen here */
export const insideOf = async ({ pid, isOver, inside }: KnownProcess): Promise<InsideProcess> => {
  if (inside) return inside();
  const children = (): Promise<string> => readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const first = Number((await children()).split(' ')[0]);
  if (!(first > 0)) throw new NoneInside();
  return holdInside(first, async () => (await children()).split(' ')[0] === String(first) && !isOver());
};

const ready = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    let complaint = '';
    const deadline = setTimeout(() => child.kill('SIGKILL'), OPEN_MS);
    child.stderr?.on('data', (chunk: Buffer) => (complaint = (complaint + chunk.toString()).slice(-COMPLAINT_CHARS)));
    child.stdout?.once('data', () => {
      clearTimeout(deadline);
      resolve();
    });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(deadline);
      reject(new Error(`there is no way into the instance: ${complaint.trim()}`));
    });
  });

/** The instance's answer about a port, and what it sent behind it. */
const answered = (socket: Socket): Promise<void> =>
  new Promise((resolve, reject) => {
    const failed = (): void => reject(new NothingListens('nothing listens on that port of the instance'));
    socket.once('error', failed).once('close', failed);
    socket.once('readable', () => {
      const answer: unknown = socket.read(1);
      socket.off('error', failed).off('close', failed);
      if (Buffer.isBuffer(answer) && answer[0] === 0) return resolve();
      socket.destroy();
      failed();
    });
  });

/**
 * Carries connections into the network of one instance, by a small process that has entered it and has no privilege (`native/src/ways.c`). Only ports of the instance's
 * own loopback can be reached: no name and no address is ever given.
 */
export class WayIn {
  readonly #sockets = new Set<Socket>();
  #isClosed = false;

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    private readonly entry: FileHandle,
  ) {
    child.once('close', () => this.close());
  }

  /** @param folder of the agent alone @throws Error the machine does not permit it, or the instance shares its network */
  static async open(init: string, folder: string, inside: InsideProcess): Promise<WayIn> {
    const own = join(folder, FOLDER);
    await mkdir(own, { recursive: true, mode: 0o700 });
    const args = ['--enter-network', String(inside.pid), inside.namespace, '--carry-ways', own];
    // Its input ends with the agent, however that ends.
    const child = spawn(init, args, { stdio: ['pipe', 'pipe', 'pipe'], env: {}, cwd: '/', detached: true });
    child.stdin.on('error', () => undefined);
    await ready(child);
    child.stderr.resume();
    return new WayIn(child, own, await open(own));
  }

  /** Connects to a port on which the instance listens. @throws NothingListens */
  async connect(port: number): Promise<Socket> {
    if (this.#isClosed) throw new NothingListens('the instance is over');
    // By the descriptor: the path of a socket holds 107 bytes.
    const socket = connect({ path: `/proc/self/fd/${this.entry.fd}/way`, allowHalfOpen: true });
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
    socket.write(Buffer.from([port >> 8, port & 255]));
    await answered(socket);
    return socket;
  }

  /** Ends all connections. Safe to repeat. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.child.stdin?.destroy();
    for (const socket of this.#sockets) socket.destroy();
    void this.entry.close().then(() => rm(this.folder, { recursive: true, force: true }));
  }
}
