import type { Readable, Writable } from 'node:stream';

import type { Cgroup } from '../cgroup/cgroup.js';
import type { EnteredCommand, EnteringCommand, InstanceCommand, UserNumbers } from '../driver/driver.js';
import { insideOf } from '../network/way-in.js';
import type { KnownProcess } from '../process/known-process.js';
import { errorCode } from '../process/error-code.js';
import type { InputPipe } from '../process/fifo-pool.js';
import { initProgram } from '../process/init-program.js';
import type { Started } from '../process/starter.js';
import { type Begin, CommandTooLong, messageOf, readStatus } from './first-process.js';
import { ISOLATED_PATHS, running } from './level.js';
import type { Owner } from './user-ids.js';

/** Commands that are entered into one instance at once: each has two processes, or three. */
const MOST_ENTERED = 16;
/** How long one may take until it begins. */
const BEGIN_MS = 10_000;
/** After that it has ended its session, or somebody stopped it. */
const KILL_MS = 5_000;
const COMPLAINT_BYTES = 500;

/** How a driver starts what enters. */
export interface EnterStart {
  /** A pipe for what it reads. */
  readonly input: () => Promise<InputPipe>;
  readonly start: (argv: readonly [string, ...string[]], input: number) => Promise<Started>;
}

/** The instance that is entered. */
export interface Entrance extends Begin {
  readonly level: Begin['level'] & { readonly name: string };
  readonly owner: Owner | undefined;
  readonly cgroup: Partial<Pick<Cgroup, 'joinFiles' | 'unjoined'>> | undefined;
  readonly seenAs?: UserNumbers | undefined;
  readonly directory?: string | undefined;
  readonly enter?: EnterStart;
}

const NO_WAY = 'there is no way into instances of this node: ';

const assertHasWay = ({ level, enter, cgroup: { unjoined = [] } = {} }: Entrance): EnterStart => {
  if (level.name === 'container' && !enter)
    throw new Error(`${NO_WAY}they are users of an engine that is an ordinary user`);
  if (level.name === 'process' || !enter) throw new Error(`${NO_WAY}it runs them as plain processes`);
  // It would stay in the agent's own groups, whose limits are not the instance's.
  if (unjoined.length > 0)
    throw new Error(`${NO_WAY}its agent cannot put a command under their limits of ${unjoined.join(', ')}`);
  return enter;
};

/** As users may read it: without paths and numbers of the machine. */
const plainly = (error: unknown): unknown =>
  errorCode(error) === 'EACCES' || errorCode(error) === 'EPERM'
    ? new Error(`${NO_WAY}its agent is an ordinary user without bubblewrap`)
    : error;

/** More commands in an instance that runs, each by a process that enters its namespaces and watches over it from outside. */
export class Entries {
  readonly #held = new Map<number, () => void>();
  #opening = 0;
  #isClosed = false;

  constructor(
    private readonly into: Entrance,
    private readonly first: KnownProcess,
    private readonly own: InstanceCommand,
  ) {}

  /** The processes that watch, which are in its control group and not among its processes. */
  get guards(): readonly number[] {
    return [...this.#held.keys()];
  }

  /** @throws Error there is no way in, it is over, or there are as many as there may be */
  async enter(command: EnteringCommand): Promise<EnteredCommand> {
    const how = assertHasWay(this.into);
    if (this.#held.size + this.#opening >= MOST_ENTERED)
      throw new Error(`an instance takes ${MOST_ENTERED} sessions at once, and this one has them`);
    this.#opening += 1;
    try {
      return await this.#begin(how, command);
    } finally {
      this.#opening -= 1;
    }
  }

  /** Ends all of them. Safe to repeat. */
  close(): void {
    this.#isClosed = true;
    for (const end of [...this.#held.values()]) end();
  }

  async #begin(how: EnterStart, { argv, env = {}, terminal }: EnteringCommand): Promise<EnteredCommand> {
    const { into, own } = this;
    // Before anything is begun: this may be refused.
    const message = messageOf(into, { argv, env: { ...own.env, ...env } });
    const init = await initProgram();
    const inside = await insideOf(this.first).catch((error: unknown) => {
      throw plainly(error);
    });
    const size = terminal ? ['--terminal', String(terminal.rows), String(terminal.columns)] : [];
    const joined = (into.cgroup?.joinFiles ?? []).flatMap((file) => ['--join', file]);
    const entering = ['--enter', String(inside.pid), inside.namespace, ...size];
    // Until it has entered: nobody else is the instance then.
    return this.#start(how, [init, ...joined, ...entering], message).finally(() => inside.hold.close());
  }

  async #start(how: EnterStart, entering: readonly [string, ...string[]], message: string): Promise<EnteredCommand> {
    const { into, own } = this;
    const input = await how.input();
    let child: Started;
    try {
      const whose = running(own.directory ?? into.directory ?? ISOLATED_PATHS.job, 'group', into);
      child = await how.start([...entering, ...whose], input.readFd);
    } catch (error) {
      input.write.destroy();
      throw error;
    } finally {
      input.closeReader();
    }
    return this.#watch(child, input.write, message);
  }

  async #watch(child: Started, stdin: Writable, message: string): Promise<EnteredCommand> {
    const { out, err, control, order } = child;
    const status = readStatus(child.status);
    // It ends its command, and what is left of the session, once nobody holds this any more.
    const end = (): void => {
      if (control.destroyed) return;
      control.destroy();
      order.destroy();
      setTimeout(child.kill, KILL_MS).unref();
    };
    control.on('error', () => undefined);
    stdin.on('error', () => undefined);
    this.#held.set(child.pid, end);
    const exit = Promise.all([child.ended, closed(child.status)]).then(() => {
      this.#held.delete(child.pid);
      stdin.destroy();
      control.destroy();
      const { exitCode = 137, signal } = status.end();
      return { exitCode, ...(signal === undefined ? {} : { signal }) };
    });
    if (this.#isClosed) end();
    else order.end(message);
    const late = setTimeout(end, BEGIN_MS);
    try {
      await status.started;
    } catch (error) {
      await exit;
      const complaint = String(err.read() ?? '').trim();
      out.destroy();
      err.destroy();
      if (error instanceof CommandTooLong) throw error;
      throw new Error(
        this.first.isOver() || complaint === ''
          ? 'the instance is over, or does not answer'
          : `the instance could not be entered: ${complaint.slice(0, COMPLAINT_BYTES)}`,
      );
    } finally {
      clearTimeout(late);
    }
    return {
      stdin,
      stdout: out,
      stderr: err,
      exit,
      resize: ({ rows, columns }) => void (control.destroyed || control.write(`SIZE ${rows} ${columns}\n`)),
      kill: end,
    };
  }
}

const closed = (stream: Readable): Promise<void> =>
  new Promise((resolve) => {
    stream.once('close', resolve);
  });
