import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';

import { MessageEnd } from '../process/message-end.js';
import type { Started } from '../process/starter.js';

const run = promisify(execFile);
const READ = ['out', 'err', 'status'] as const;
const WRITTEN = ['control', 'order'] as const;
const { O_RDONLY, O_WRONLY, O_RDWR, O_NONBLOCK } = constants;
/** What the first process says once it has all of them (`native/src/pipes.c`). */
const OPENED = 'opened\n';

/**
 * The pipes between this agent and a first process that an engine starts, which can hand it no descriptor. They have names until it has opened them, and none
 * by the time that it is told what to run: a command never finds them. All ends are held here before, so neither side waits for the other, and a first process
 * that comes up once the agent is gone finds pipes without a reader, and ends.
 */
export class NamedPipes {
  readonly out: Socket;
  readonly err: Socket;
  readonly status: Socket;
  /** Resolves when the first process has let go of them, which is when it is over. */
  readonly closed: Promise<void>;
  #control: Socket | undefined;
  #order: MessageEnd | undefined;
  /** Ends that keep the others from ending before anybody has opened them. */
  readonly #held: number[] = [];
  #isSettled = false;

  private constructor(readonly folder: string) {
    const reading = (name: string): Socket => {
      const fd = this.#hold(openSync(join(folder, name), O_RDONLY | O_NONBLOCK));
      this.#hold(openSync(join(folder, name), O_WRONLY | O_NONBLOCK));
      this.#held.splice(this.#held.indexOf(fd), 1);
      return new Socket({ fd, readable: true, writable: false });
    };
    try {
      [this.out, this.err, this.status] = [reading('out'), reading('err'), reading('status')];
      this.closed = new Promise((resolve) => this.status.once('close', () => resolve()));
      for (const name of WRITTEN) this.#hold(openSync(join(folder, name), O_RDWR | O_NONBLOCK));
    } catch (error) {
      this.#letGo();
      throw error;
    }
  }

  /** @param folder is made, of the agent alone but for who knows a name in it */
  static async make(folder: string): Promise<NamedPipes> {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { mode: 0o711 });
    // 666: the user of the instance opens them, and the file system keeps everybody else out of the folder above.
    await run('mkfifo', ['-m', '666', '--', ...[...READ, ...WRITTEN].map((name) => join(folder, name))]);
    return new NamedPipes(folder);
  }

  /** Resolves when the first process has opened all of them; `status` has what it says afterwards. */
  async opened(): Promise<Pick<Started, 'control' | 'order' | 'status'>> {
    await new Promise<void>((resolve, reject) => {
      let text = Buffer.alloc(0);
      const hear = (chunk: Buffer): void => {
        text = Buffer.concat([text, chunk]);
        if (text.length < OPENED.length) return;
        this.status.off('data', hear);
        this.status.pause();
        if (text.subarray(0, OPENED.length).toString() !== OPENED)
          return reject(new Error('the first process says something else'));
        if (text.length > OPENED.length) this.status.unshift(text.subarray(OPENED.length));
        resolve();
      };
      this.status.on('data', hear);
      this.status.once('close', () => reject(new Error('the first process has not begun')));
    });
    const write = (name: string): number => openSync(join(this.folder, name), O_WRONLY | O_NONBLOCK);
    const control = (this.#control = new Socket({ fd: write('control'), readable: false, writable: true }));
    const order = (this.#order = new MessageEnd(write('order')));
    this.#letGo();
    // Nothing of it is lost until somebody listens.
    return { control, order, status: this.status.pipe(new PassThrough()) };
  }

  /** Nothing comes any more, and nothing is told. Safe to repeat. */
  destroy(): void {
    this.#letGo();
    for (const end of [this.out, this.err, this.status, this.#control, this.#order]) end?.destroy();
  }

  #hold(fd: number): number {
    this.#held.push(fd);
    return fd;
  }

  #letGo(): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    for (const name of [...READ, ...WRITTEN]) unlinkSync(join(this.folder, name));
    for (const fd of this.#held.splice(0)) closeSync(fd);
  }
}
