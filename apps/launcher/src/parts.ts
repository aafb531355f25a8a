import { join } from 'node:path';
import {
  type Guardian,
  type ProcessExit,
  type Running,
  type Setback,
  ServerProcess,
  SetupError,
  Supervisor,
  describeError,
  identify,
  logTail,
} from '@fornax/embedded';
import { lastWords } from './last-words.js';
import type { Screen } from './screen/screen.js';
import { withSecretFiles } from './secret-files.js';

/** Order in which parts end, here and by the guardian. */
const STAGE = { agent: 0, service: 1, server: 2 } as const;
type Role = keyof typeof STAGE;

/** Together well under ten seconds, even when every part has to be killed. */
const GRACE_MS = { agent: 2_500, service: 2_500 } as const;

/** A process of ours that ends this often before the platform was ready will not become ready. */
const START_FAILURES = 4;

/** Exit code of a part that cannot run here until somebody changes something (sysexits.h). */
const EX_CONFIG = 78;

/** Exit code of a part that wants to be started again: what it holds in memory is of no use any more (sysexits.h). */
const EX_TEMPFAIL = 75;

interface Part {
  readonly role: Role;
  readonly signal: 'SIGTERM' | 'SIGINT';
  readonly logFile: string;
}

const exitText = ({ code, signal }: ProcessExit): string => (signal === null ? `code ${code}` : signal);

export interface PartsOptions {
  /** The data folder. */
  readonly data: string;
  /** The folder of its secrets. */
  readonly secrets: string;
  /** Names this run to the guardian. */
  readonly run: string;
  /** The program of an app. */
  readonly programOf: (app: string) => string;
  readonly screen: Screen;
  /** Aborted when everything is to stop. */
  readonly signal: AbortSignal;
  /** Told when a part has another process. */
  readonly onChanged: () => void;
}

/** The processes of one platform: starts them, starts them again when they end, and ends them in their order. */
export class Parts {
  private readonly parts = new Map<string, Part>();
  private readonly hasFailed = new Set<string>();
  private readonly failed = new AbortController();
  private readonly supervisor: Supervisor;
  private readonly pendingStarts: Promise<unknown>[] = [];
  private guardian: Guardian | undefined;
  private isReady = false;
  private isEnding = false;

  constructor(private readonly options: PartsOptions) {
    this.supervisor = new Supervisor({
      onStarted: (name, running) => this.noteStart(name, running),
      onCrashed: (name, exit, setback) =>
        this.noteCrash(name, `ended unexpectedly (${exitText(exit)})`, setback, exit.code),
      onRestartFailed: (name, error, setback) =>
        this.noteCrash(name, `did not start: ${describeError(error)}`, setback),
    });
  }

  /** Aborted, with a SetupError, when a part cannot run here at all. */
  get failure(): AbortSignal {
    return this.failed.signal;
  }

  /** Who ends the parts should this process be gone. Before any of them starts. */
  guardedBy(guardian: Guardian): void {
    this.guardian = guardian;
  }

  /** From now on a part that ends again and again is only started again. */
  noteReady(): void {
    this.isReady = true;
  }

  /** A start that an end has to wait for. */
  pending<T>(start: Promise<T>): Promise<T> {
    this.pendingStarts.push(start);
    return start;
  }

  /** Starts a server and keeps it running. */
  addServer<T extends Running>(
    name: string,
    { signal, logFile }: Omit<Part, 'role'>,
    start: () => Promise<T>,
  ): Promise<T> {
    this.parts.set(name, { role: 'server', signal, logFile });
    return this.supervisor.add(name, start);
  }

  /** Starts a program of ours and keeps it running. */
  async addProgram(
    name: string,
    app: string,
    role: 'agent' | 'service',
    env: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { data, secrets, run, programOf } = this.options;
    const logFile = join(data, 'logs', `${name}.log`);
    this.parts.set(name, { role, signal: 'SIGTERM', logFile });
    const variables = await withSecretFiles(env, join(secrets, 'processes', name));
    await this.supervisor.add(name, async (): Promise<Running> => {
      const child = await ServerProcess.spawn(process.execPath, {
        args: ['--enable-source-maps', programOf(app)],
        env: { ...variables, FORNAX_RUN: run },
        cwd: data,
        logFile,
      });
      return {
        pid: child.pid,
        exited: child.exited,
        stop: async () => void (await child.stop([{ signal: 'SIGTERM', graceMs: GRACE_MS[role] }])),
        kill: async () => void (await child.stop([])),
      };
    });
  }

  /** Ends one in order; it is started again. */
  restart(name: string): Promise<void> {
    return this.supervisor.restart(name);
  }

  /** Ends agents, services, servers, in this order, in under ten seconds. Safe to repeat. */
  async stop(): Promise<void> {
    this.isEnding = true;
    const byRole = (role: Role) => this.supervisor.names.filter((name) => this.parts.get(name)?.role === role);
    await this.supervisor.stop([byRole('agent'), byRole('service'), byRole('server')]);
    await Promise.allSettled(this.pendingStarts);
  }

  /** Ends everything at once, as a power cut would. */
  async kill(): Promise<void> {
    this.isEnding = true;
    await this.supervisor.kill();
  }

  /** Process ids, by part. */
  pids(): Readonly<Record<string, number>> {
    return Object.fromEntries(
      this.supervisor.names.flatMap((name) => {
        const pid = this.supervisor.pidOf(name);
        return pid === undefined ? [] : [[name, pid] as const];
      }),
    );
  }

  /** Files that parts log to, by part. */
  logs(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.parts].map(([name, { logFile }]) => [name, logFile]));
  }

  private noteStart(name: string, running: Running): void {
    const part = this.parts.get(name);
    const id = identify(running.pid);
    if (part !== undefined && id !== undefined)
      this.guardian?.guard({ ...id, stage: STAGE[part.role], signal: part.signal });
    if (this.hasFailed.has(name)) this.options.screen.say(`${name} runs again`);
    this.options.onChanged();
  }

  private noteCrash(name: string, what: string, { failures, restartInMs }: Setback, code: number | null = null): void {
    const { screen, signal } = this.options;
    if (this.isEnding || signal.aborted) return;
    this.hasFailed.add(name);
    // What it says there is for the operator; starting it again would only say it again. After another failure it may still be about what
    // that one left behind.
    if (code === EX_CONFIG && (failures === 1 || failures >= START_FAILURES)) return this.giveUp(name, lastWords);
    if (code === EX_TEMPFAIL) {
      screen.say(`${name} begins anew, as it asked for`);
      return;
    }
    screen.say(`${name} ${what}; starting it again in ${restartInMs} ms`);
    if (this.isReady || failures < START_FAILURES) return;
    this.giveUp(name);
  }

  private giveUp(name: string, partOf: (tail: string) => string = (tail) => tail): void {
    const { logFile = '' } = this.parts.get(name) ?? {};
    const tail = partOf(logTail(logFile));
    this.failed.abort(new SetupError(`${name} does not start. The end of its log, ${logFile}:\n${tail}`));
  }
}
