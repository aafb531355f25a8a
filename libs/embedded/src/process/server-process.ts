import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { SetupError } from './setup-error.js';

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface SpawnOptions {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Everything the process prints is appended here. */
  readonly logFile: string;
}

/** Past this size a log file is set aside as `<name>.1` at the next start, so that a restart loop cannot fill the disk. */
const LOG_LIMIT_BYTES = 20_000_000;

const openLog = (path: string): number => {
  try {
    if (statSync(path).size > LOG_LIMIT_BYTES) renameSync(path, `${path}.1`);
  } catch {
    // there is no log yet
  }
  return openSync(path, 'a', 0o600);
};

/** The end of a log file, for an error message. */
export const logTail = (path: string, bytes = 2_000): string => {
  try {
    const file = openSync(path, 'r');
    try {
      const { size } = fstatSync(file);
      const buffer = Buffer.alloc(Math.min(bytes, size));
      readSync(file, buffer, 0, buffer.length, size - buffer.length);
      return buffer.toString('utf8').trim();
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
};

/**
 * A child process in a session of its own (a terminal's Ctrl-C reaches only its parent, which then stops its children in
 * order), printing to a file, so that it neither blocks on a pipe nor dies of one when its parent goes.
 */
export class ServerProcess {
  readonly pid: number;
  /** Resolves when the process has ended, however it ended. */
  readonly exited: Promise<ProcessExit>;
  private ended: ProcessExit | undefined;

  private constructor(
    private readonly child: ChildProcess,
    pid: number,
  ) {
    this.pid = pid;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.ended = { code, signal };
        resolve(this.ended);
      });
    });
  }

  /** @throws SetupError the program cannot be started at all */
  static async spawn(program: string, options: SpawnOptions): Promise<ServerProcess> {
    const log = openLog(options.logFile);
    try {
      const child = spawn(program, options.args, {
        cwd: options.cwd,
        env: options.env,
        stdio: ['ignore', log, log],
        detached: true,
      });
      await new Promise<void>((resolve, reject) => {
        child.once('spawn', resolve);
        child.once('error', (cause) =>
          reject(new SetupError(`cannot start ${program}: ${cause.message}`, undefined, { cause })),
        );
      });
      if (child.pid === undefined) throw new SetupError(`cannot start ${program}`);
      return new ServerProcess(child, child.pid);
    } finally {
      closeSync(log);
    }
  }

  get exit(): ProcessExit | undefined {
    return this.ended;
  }

  kill(signal: NodeJS.Signals): void {
    if (this.ended === undefined) this.child.kill(signal);
  }

  /** Lets this process end while the other one runs on. */
  unref(): void {
    this.child.unref();
  }

  /** Sends each signal in turn, giving the process its time after each, and SIGKILL at the end. Safe to repeat. */
  async stop(steps: readonly { readonly signal: NodeJS.Signals; readonly graceMs: number }[]): Promise<ProcessExit> {
    for (const { signal, graceMs } of steps) {
      if (this.ended !== undefined) break;
      this.kill(signal);
      await this.exitedWithin(graceMs);
    }
    this.kill('SIGKILL');
    return this.exited;
  }

  private async exitedWithin(graceMs: number): Promise<void> {
    const timer = Promise.withResolvers<void>();
    const handle = setTimeout(timer.resolve, graceMs);
    await Promise.race([this.exited, timer.promise]);
    clearTimeout(handle);
  }
}
