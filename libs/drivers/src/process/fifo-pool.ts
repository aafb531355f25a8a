import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
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
    while (this.#ready.length === 0) {
      this.#filling ??= this.#fill().finally(() => (this.#filling = undefined));
      await this.#filling;
    }
    const path = this.#ready.pop() ?? '';
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
    let isOpen = true;
    return {
      read: new Socket({ fd: reader, readable: true, writable: false }),
      writeFd: writer,
      closeWriter: () => {
        if (isOpen) closeSync(writer);
        isOpen = false;
      },
    };
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
