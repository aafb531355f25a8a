import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';

import type { FifoPool } from './fifo-pool.js';
import { signalQuietly } from './proc.js';
import type { Started } from './starter.js';

const isReadable = (stream: unknown): stream is Readable =>
  typeof stream === 'object' && stream !== null && 'read' in stream;
const isWritable = (stream: unknown): stream is Writable =>
  typeof stream === 'object' && stream !== null && 'write' in stream;

/** How often one that somebody stopped is told to go on: it would not tell the end of its command. */
const WAKE_MS = 5_000;

/**
 * Starts a first process as a child of the agent: with an environment of its own, by which it and what comes of it can be found.
 * @param input what it reads, a descriptor; nothing where absent
 * @throws Error the machine refuses another process
 */
export const spawnStarted = async (
  [file, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  pipes: FifoPool,
  wakeMs = WAKE_MS,
  input?: number,
): Promise<Started> => {
  const [out, err] = await Promise.all([pipes.take(), pipes.take()]);
  try {
    const stdio = [
      input ?? ('ignore' as const),
      out.writeFd,
      err.writeFd,
      'pipe' as const,
      'pipe' as const,
      'pipe' as const,
    ];
    const child = spawn(file, args, { stdio, env, cwd: '/', detached: true });
    if (child.pid === undefined)
      // Nobody may signal a number that it does not have.
      throw await new Promise((resolve) => child.once('error', resolve));
    const { pid } = child;
    const [, , , control, status, order]: readonly unknown[] = child.stdio;
    if (!isWritable(control) || !isWritable(order) || !isReadable(status)) throw new Error('no control pipes');
    order.on('error', () => undefined);
    const wake = setInterval(() => child.kill('SIGCONT'), wakeMs).unref();
    const ended = new Promise<void>((resolve) =>
      child.once('exit', () => {
        clearInterval(wake);
        resolve();
      }),
    );
    child.on('error', () => undefined);
    const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
    // Node.js reaps it in the very turn in which this becomes true.
    const kill = (): void => {
      if (isOver()) return;
      signalQuietly(-pid, 'SIGKILL');
      signalQuietly(pid, 'SIGKILL');
    };
    return { pid, out: out.read, err: err.read, control, status, order, ended, isOver, kill };
  } catch (error) {
    // What is refused may be thrown at once, and nobody else would let go of these.
    out.read.destroy();
    err.read.destroy();
    throw error;
  } finally {
    out.closeWriter();
    err.closeWriter();
  }
};
