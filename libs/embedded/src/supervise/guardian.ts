import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SetupError } from '../process/setup-error.js';
import { type GuardedProcess, encodeOrder } from './guardian-protocol.js';

export interface GuardianOptions {
  /** The data folder; the guardian holds its guardian lock as long as it lives. */
  readonly folder: string;
  /** `NAME=value`, part of the environment of every guarded process: by it the guardian finds those it was not told about. */
  readonly marker: string;
}

/** The built file, whether this module runs from its source or from its build. */
const program = fileURLToPath(new URL('../../dist/supervise/guardian-main.js', import.meta.url));

/**
 * A small process of its own that outlives this one for a moment: when this process ends without `dismiss()`, even by kill -9,
 * the guardian ends every process it was told about, in order, and leaves none. Should the guardian itself be killed, another
 * one takes its place.
 */
export class Guardian {
  private readonly guarded = new Map<number, GuardedProcess>();
  private isDismissed = false;

  private constructor(
    private readonly options: GuardianOptions,
    private child: ChildProcess,
  ) {
    this.watch(child);
  }

  static async start(options: GuardianOptions): Promise<Guardian> {
    return new Guardian(options, await Guardian.spawn(options));
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** From now on this process ends when we do. */
  guard(guarded: GuardedProcess): void {
    this.guarded.set(guarded.pid, guarded);
    this.child.stdin?.write(encodeOrder({ order: 'guard', process: guarded }));
  }

  /** Ends the guardian; whatever is still running is no longer its business. */
  async dismiss(): Promise<void> {
    if (this.isDismissed) return;
    this.isDismissed = true;
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.ref(); // until now it did not keep us alive
    this.child.stdin?.end(encodeOrder({ order: 'dismiss' }));
    await ended;
  }

  private static async spawn({ folder, marker }: GuardianOptions): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['--max-old-space-size=64', program, folder, marker], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
      env: { PATH: process.env['PATH'] ?? '' },
    });
    // Its first output says that it listens and holds the lock; before that it protects nobody.
    const ready = new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
    const ended = new Promise<never>((_resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new SetupError(`the guardian process did not start (code ${code})`)));
    });
    ended.catch(() => undefined);
    await Promise.race([ready, ended]);
    child.stdin.on('error', () => undefined); // it was killed; its exit brings the next one
    child.unref();
    for (const stream of [child.stdin, child.stdout]) {
      if ('unref' in stream && typeof stream.unref === 'function') stream.unref();
    }
    return child;
  }

  private watch(child: ChildProcess): void {
    child.once('exit', () => {
      if (this.isDismissed) return;
      void Guardian.spawn(this.options).then(
        (next) => {
          this.child = next;
          this.watch(next);
          for (const guarded of this.guarded.values())
            next.stdin?.write(encodeOrder({ order: 'guard', process: guarded }));
        },
        () => undefined, // it cannot be replaced: we go on unguarded
      );
    });
  }
}
