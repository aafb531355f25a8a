import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';

import type { KnownProcess } from './known-process.js';
import { MessageEnd } from './message-end.js';
import { signalQuietly } from './proc.js';

/** A first process that was started, with the agent's ends of its pipes. */
export interface Started {
  readonly pid: number;
  readonly out: Readable;
  readonly err: Readable;
  readonly control: Writable;
  readonly status: Readable;
  /** Takes one message, and is over with it. */
  readonly order: Pick<MessageEnd, 'end' | 'destroy'>;
  /** Settles once its parent has reaped it. Never rejects. */
  readonly ended: Promise<void>;
  /** Whether it is over: its number may be another's by now. */
  readonly isOver: () => boolean;
  /** Where it is itself the first process inside. */
  readonly inside?: KnownProcess['inside'];
  /** SIGKILL to it and to its process group, unless it is over: by its parent, for nobody else has its number before that has reaped it. */
  readonly kill: () => void;
}

interface Waiting {
  readonly opened: (pid: number, ends: readonly number[]) => void;
  readonly refused: (why: Error) => void;
  readonly ended: () => void;
  readonly lost: () => void;
}

/** What the server takes (`MAX_REQUEST` of serve.c); it ends, and all instances with it, when it cannot read a request. */
const MAX_REQUEST_BYTES = 1_048_576;
/** How often a server that somebody paused is told to go on: it would hold up the start and the end of every instance. */
const WAKE_MS = 5_000;

const LOST = 'the process that starts instances has ended: this one could not be started';

/** @throws Error the server could not read it */
const requestOf = (...strings: readonly string[]): Buffer => {
  // It would end the option, and begin another one.
  if (strings.some((text) => text.includes('\0'))) throw new Error('an option of a sandbox holds a zero byte');
  const text = Buffer.from(`${strings.join('\0')}\0`);
  if (text.length > MAX_REQUEST_BYTES)
    throw new Error(`the options of a sandbox are longer than ${MAX_REQUEST_BYTES} bytes: ${text.length}`);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text]);
};

/** The agent's ends of the pipes of a first process. */
type Ends = Pick<Started, 'out' | 'err' | 'control' | 'status' | 'order'>;

/** Synchronous: five calls of a few microseconds, against five turns through the thread pool on the path of every start. */
const openEnds = (server: number, [out, err, control, status, order]: readonly number[]): Ends => {
  const opened: { destroy(): unknown }[] = [];
  const open = <T extends { destroy(): unknown }>(end: number | undefined, flag: number, as: (fd: number) => T): T => {
    const fd = openSync(`/proc/${server}/fd/${end ?? 'none'}`, flag | constants.O_NONBLOCK);
    try {
      const made = as(fd);
      opened.push(made);
      return made;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  };
  const reading = (end: number | undefined): Socket =>
    open(end, constants.O_RDONLY, (fd) => new Socket({ fd, readable: true, writable: false }));
  try {
    return {
      out: reading(out),
      err: reading(err),
      control: open(control, constants.O_WRONLY, (fd) => new Socket({ fd, readable: false, writable: true })),
      status: reading(status),
      order: open(order, constants.O_WRONLY, (fd) => new MessageEnd(fd)),
    };
  } catch (error) {
    for (const end of opened) end.destroy();
    throw error;
  }
};

/**
 * Starts first processes by a small process that forks for it (`native/src/serve.c`): a fork of the agent, which is large, costs milliseconds. One that
 * ended is replaced at the next start; what it had started is killed, for nobody hears of its end any more.
 */
export class Starter {
  #server: ChildProcess | undefined;
  readonly #waiting = new Map<string, Waiting>();
  #count = 0;
  #isClosed = false;

  constructor(
    private readonly program: string,
    private readonly wakeMs = WAKE_MS,
    /** Before the program on its command line: one that changes what the kernel lets it do, and then becomes it. */
    private readonly through: readonly string[] = [],
  ) {}

  /**
   * Starts a first process that carries out options.
   * @throws Error the machine refuses another process; options that hold a zero byte or are too long
   */
  async start(options: readonly string[]): Promise<Started> {
    const number = String((this.#count += 1));
    const request = requestOf('run', number, ...options);
    const server = this.#serverHere();
    const end = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<Ends & Pick<Started, 'pid'>>();
    let isOver = false;
    let child: number | undefined;
    const over = (): void => {
      isOver = true;
      this.#waiting.delete(number);
      end.resolve();
    };
    this.#waiting.set(number, {
      opened: (pid, ends) => {
        child = pid;
        try {
          if (server.exitCode !== null || server.signalCode !== null) throw new Error(LOST); // its number may be another's
          begun.resolve({ pid, ...openEnds(server.pid ?? 0, ends) });
        } catch (error) {
          begun.reject(error);
        }
        server.stdin?.write(requestOf('got', number));
      },
      refused: (why) => {
        over();
        begun.reject(why);
      },
      ended: over,
      lost: () => {
        if (child !== undefined) signalQuietly(-child, 'SIGKILL');
        over();
        begun.reject(new Error(LOST));
      },
    });
    server.stdin?.write(request);
    const ends = await begun.promise;
    const kill = (): void => {
      if (!isOver) server.stdin?.write(requestOf('kill', number));
    };
    return { ...ends, ended: end.promise, isOver: () => isOver, kill };
  }

  /** Call when all that it started is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const server = this.#server;
    if (!server) return;
    // As `lost` does: one that was killed right now has told its exit already, but not this.
    const gone = new Promise((resolve) => server.once('close', resolve));
    server.stdin?.end();
    await gone;
  }

  #serverHere(): ChildProcess {
    if (this.#isClosed) throw new Error('the driver is closed');
    if (this.#server) return this.#server;
    const [file = this.program, ...args] = [...this.through, this.program, '--serve'];
    const server = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {},
      cwd: '/',
      // Ctrl-C in a terminal is for the agent, which stops the rest in order.
      detached: true,
    });
    this.#server = server;
    const wake = setInterval(() => server.kill('SIGCONT'), this.wakeMs).unref();
    const lost = (): void => {
      clearInterval(wake);
      if (this.#server !== server) return;
      this.#server = undefined;
      for (const waiting of [...this.#waiting.values()]) waiting.lost();
    };
    // Not at its exit: what it said before that is still to be heard.
    server.once('close', lost);
    server.once('error', lost);
    // Without a descriptor left for pipes Node makes none, whatever the type says: its error tells.
    const { stdin, stdout }: Partial<Pick<typeof server, 'stdin' | 'stdout'>> = server;
    stdin?.on('error', () => undefined); // its exit tells
    let rest = '';
    stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#hear(line);
    });
    return server;
  }

  #hear(line: string): void {
    const [what = '', number = '', ...values] = line.split(' ');
    const waiting = this.#waiting.get(number);
    if (what === 'opened') waiting?.opened(Number(values[0]), values.slice(1).map(Number));
    else if (what === 'ended') waiting?.ended();
    else if (what === 'refused')
      waiting?.refused(new Error(`this machine starts no process (error number ${values[0] ?? ''})`));
  }
}
