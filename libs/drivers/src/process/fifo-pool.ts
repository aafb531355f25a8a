import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';

const run = promisify(execFile);
const BATCH = 32;

/**
 * A real pipe: `read` is for this process and owns its descriptor, `writeFd` is for a child. Close it here once the child has it, or has failed
 * to start; a second call does nothing, for by then the number may be another file's.
 */
export interface Pipe {
  readonly read: Readable;
  readonly writeFd: number;
  readonly closeWriter: () => void;
}

/** A real pipe in the other direction: `write` is for this process, `readFd` for a child, as above. */
export interface InputPipe {
  readonly write: Writable;
  readonly readFd: number;
  readonly closeReader: () => void;
}

/** Closes a descriptor once: its number may be another file's later. */
const closing = (fd: number): (() => void) => {
  let isOpen = true;
  return () => {
    if (isOpen) closeSync(fd);
    isOpen = false;
  };
};

/**
 * Real pipes for children's output. Node gives its children socket pairs, and `echo x > /dev/stderr` fails on a socket
 * (ENXIO); Node cannot make a pipe. So: named ones, made in batches by one `mkfifo`, unlinked as soon as both ends are open.
 */
export class FifoPool {
  readonly #ready: string[] = [];
  #made = 0;
  #filling: Promise<void> | undefined;

  constructor(readonly folder: string) {}

  async take(): Promise<Pipe> {
    const path = await this.#next();
    // Synchronous: three calls of a few microseconds, against three turns through the thread pool on the path of every start.
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    let writer: number;
    try {
      writer = openSync(path, constants.O_WRONLY);
    } catch (error) {
      closeSync(reader);
      throw error;
    }
    unlinkSync(path);
    return {
      read: new Socket({ fd: reader, readable: true, writable: false }),
      writeFd: writer,
      closeWriter: closing(writer),
    };
  }

  /** For what a child reads. */
  async takeInput(): Promise<InputPipe> {
    const path = await this.#next();
    // Opened for both at first, which waits for nobody; then neither end waits for the other, and the child's is one that waits for what comes.
    const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const opened: number[] = [];
    try {
      opened.push(openSync(path, constants.O_RDONLY), openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      throw error;
    } finally {
      closeSync(both);
      unlinkSync(path);
    }
    const [reader = -1, writer = -1] = opened;
    const write = new Socket({ fd: writer, readable: false, writable: true });
    return { write, readFd: reader, closeReader: closing(reader) };
  }

  async #next(): Promise<string> {
    while (this.#ready.length === 0) {
      this.#filling ??= this.#fill().finally(() => (this.#filling = undefined));
      await this.#filling;
    }
    return this.#ready.pop() ?? '';
  }

  async close(): Promise<void> {
    await this.#filling;
    await rm(this.folder, { recursive: true, force: true });
  }

  async #fill(): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const paths = Array.from({ length: BATCH }, () => join(this.folder, String((this.#made += 1))));
    // 666: inside of the sandbox another user opens /dev/stdout again; the folder keeps everybody else out.
    await run('mkfifo', ['-m', '666', '--', ...paths]);
    this.#ready.push(...paths);
  }
}
