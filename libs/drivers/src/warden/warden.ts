import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { uptimeMs } from './uptime.js';
import { DISMISS, encodeUntil, type Ward } from './warden-orders.js';

/** The built file, whether this module runs from its source or from its build. */
const program = fileURLToPath(new URL('../../dist/warden/warden-main.js', import.meta.url));
const START_MS = 30_000;

/**
 * A process beside this one that kills the instances when this one is silent: a timer in here would be paused with it.
 *
 *   idle     -> guarding   the first `allow`
 *   guarding -> killing    what `allow` said has passed on the machine's own clock, which also runs while this process, or the machine, stands still
 *   killing  -> guarding   the next `allow`
 *   any      -> gone       `dismiss`, which kills nobody; or this process ended in whatever way, which kills all
 *
 * The warden answers each `allow`. One that ended, or left the last one unanswered for half of the time it allowed (stopped, say), is replaced.
 * See docs/adr/0026.
 */
export class Warden {
  #child: ChildProcess;
  #until: number | undefined;
  /** Of the oldest `allow` without an answer. */
  #unanswered: { readonly sinceMs: number; readonly patienceMs: number } | undefined;
  #isDismissed = false;
  #replacing: Promise<void> | undefined;
  #problem: Error | undefined;

  private constructor(
    private readonly ward: Ward,
    child: ChildProcess,
  ) {
    this.#child = child;
    this.#watch(child);
  }

  /** @throws Error it could not be started */
  static async start(ward: Ward): Promise<Warden> {
    return new Warden(ward, await begin(ward));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** When the instances must be over, in milliseconds of uptime; undefined before the first `allow`. */
  get until(): number | undefined {
    return this.#until;
  }

  /** Lets the instances live for so long from now. */
  allow(forMs: number): void {
    const nowMs = uptimeMs();
    this.#until = nowMs + forMs;
    // The next beat tries again what failed.
    if (this.#problem) this.#takePlace();
    const late = this.#unanswered;
    if (late && !this.#replacing && nowMs - late.sinceMs > late.patienceMs) {
      this.#unanswered = undefined;
      this.#child.kill('SIGKILL');
    }
    this.#unanswered ??= { sinceMs: nowMs, patienceMs: forMs / 2 };
    this.#child.stdin?.write(encodeUntil(this.#until));
  }

  /** Call before an instance starts. @throws Error nobody would end it in time */
  async assertOnGuard(): Promise<void> {
    await this.#replacing;
    if (this.#problem) throw this.#problem;
    if (this.#until !== undefined && uptimeMs() >= this.#until)
      throw new Error('this node has not heard from the platform for too long: nothing may start');
  }

  /** Ends the warden and nobody else. */
  async dismiss(): Promise<void> {
    if (this.#isDismissed) return;
    this.#isDismissed = true;
    await this.#replacing;
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.ref();
    child.stdin?.end(DISMISS);
    // One that is stopped hears nothing.
    const deadline = setTimeout(() => child.kill('SIGKILL'), 2_000);
    await ended;
    clearTimeout(deadline);
  }

  #watch(child: ChildProcess): void {
    child.stdout?.on('data', () => (this.#unanswered = undefined));
    child.once('exit', () => this.#takePlace());
  }

  #takePlace(): void {
    if (!this.#isDismissed) this.#replacing ??= this.#replace().finally(() => (this.#replacing = undefined));
  }

  async #replace(): Promise<void> {
    const ward = { ...this.ward, ...(this.#until === undefined ? {} : { until: this.#until }) };
    try {
      // Named before it listens: what it is told meanwhile waits in its pipe.
      this.#watch(await begin(ward, (child) => (this.#child = child)));
      this.#unanswered = undefined;
      this.#problem = undefined;
    } catch (cause) {
      this.#problem = new Error('the warden of the instances could not be started again', { cause });
    }
  }
}

/** Its first output says that it listens; before that it guards nobody. */
const begin = async (ward: Ward, onSpawn: (child: ChildProcess) => void = () => undefined): Promise<ChildProcess> => {
  const child = spawn(process.execPath, ['--max-old-space-size=32', program, JSON.stringify(ward)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // Out of the agent's group and session: what stops or interrupts that one leaves the warden alone.
    detached: true,
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
  });
  child.stdin.on('error', () => undefined); // it was killed; its exit brings the next one
  onSpawn(child);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const deadline = setTimeout(() => reject(new Error('the warden says nothing')), START_MS);
  child.stdout.once('data', () => resolve());
  child.once('error', reject);
  child.once('exit', (code) => reject(new Error(`the warden did not start (code ${code})`)));
  try {
    await promise;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(deadline);
  }
  child.unref();
  for (const stream of [child.stdin, child.stdout])
    if ('unref' in stream && typeof stream.unref === 'function') stream.unref();
  return child;
};
