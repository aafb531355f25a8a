import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  eventually,
  type RunningPlatform,
  type RunRecorder,
  startPlatform,
  startRunRecorder,
  testClock,
  type Random,
  randomFrom,
} from '@fornax/testing';
import { unpackRelease } from '@fornax/testing/releases';
import type { Ending, History, LedgerLine, Loss, Operation } from '../history/history.js';
import type { Restart, Target, Typed } from '../nemesis/fault.js';
import { healthOf, typeFornax } from './operator.js';
import { progress } from './report.js';
import { endReplica, startReplica, type Replica } from './replicas.js';
import { setWallClock } from '../nemesis/wall-clock.js';
import { isAlive, signal, treeOf, uptime } from '../processes.js';
import { call, insist } from '../work.js';
import { type Answer, outcomeOf, postTask, type Submission } from './submission.js';

interface Summary {
  readonly uuid: string;
  readonly name: string;
  readonly state: string;
}
interface TaskView {
  readonly state: string;
  readonly instanceCount: number;
  readonly resultBucket: string | null;
  readonly completedInstances: readonly { readonly instanceId: number }[];
}
const TERMINAL = ['Success', 'Failure', 'Cancelled'];
const SETTLE_MS = 150_000;
const SAID_MS = 120_000;
/** How long rows may be behind the log when everything is quiet. */
const ROWS_MS = 20_000;
/** Longer than an operator takes to read what is wrong and to type the way out. */
const INSIST_MS = 300_000;

/** Parts that are no programs of ours: what they run is not Node.js. */
const SERVERS = ['nats', 'postgres'];
/** Backends of a database come and go. */
const onlyIfAlive =
  (pid: number) =>
  (error: unknown): void => {
    if (isAlive(pid)) throw error;
  };

/** A folder below the data, where the clocks of the platform's processes are told how far they are off. */
const clocksOf = (dataDir: string): string => join(dataDir, 'test-clocks');

/** Gives each process of the platform a clock that can be set. */
const withClocks = (dataDir: string): readonly string[] => {
  const preload = new URL('../../preload/hand-on-clocks.mjs', import.meta.url);
  preload.searchParams.set('folder', clocksOf(dataDir));
  preload.searchParams.set('clock', testClock('').args.at(-1) ?? '');
  return ['--import', preload.href];
};

export interface TestbedOptions {
  readonly seed: number;
  /** Settings of the platform. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether `moveClock` is wanted: each process then looks for its setting all the time. */
  readonly hasClocks?: boolean;
  /** Size of a disk of its own; it goes with the platform, so no restart has its data. */
  readonly diskBytes?: number;
  /** A data folder of tests/e2e/releases to begin with; it is not waited for until the platform is ready. */
  readonly release?: string;
}

/** Instances tell the recorder, which listens on this machine's loopback interface, that they run: they share the network of the machine. */
const settingsOf = ({ env }: TestbedOptions): Readonly<Record<string, string>> => ({
  FORNAX_NODE_NETWORK: 'host',
  ...env,
});

/** A platform, the recorder of its runs, and the history that both make under faults. */
export class Testbed implements Target {
  readonly random: Random;
  readonly #operations: Operation[] = [];
  readonly #timeline: string[] = [];
  readonly #startedAt = performance.now();
  readonly #uuids = new Map<string, string>();
  readonly #replicas: Replica[] = [];

  readonly #losses: Loss[] = [];
  readonly #givenUp = new Set<string>();
  readonly #sentAt = new Map<string, number>();
  readonly #struck: string[] = [];
  /** When everything ended last, in seconds since the machine's boot. */
  #endedAt = 0;

  private constructor(
    private readonly options: TestbedOptions,
    private readonly folder: string,
    private readonly nodeArgs: readonly string[],
    readonly recorder: RunRecorder,
    private current: RunningPlatform,
  ) {
    this.random = randomFrom(options.seed);
  }

  static async open(options: TestbedOptions): Promise<Testbed> {
    const folder = await mkdtemp(join(tmpdir(), 'fornax-faults-'));
    const dataDir = join(folder, 'data');
    await mkdir(dataDir);
    const { hasClocks = false, diskBytes, release } = options;
    const env = settingsOf(options);
    if (release !== undefined) await unpackRelease(release, dataDir);
    const recorder = await startRunRecorder();
    try {
      const nodeArgs = hasClocks ? withClocks(dataDir) : [];
      const platform = await startPlatform({
        dataDir,
        env,
        nodeArgs,
        awaits: release === undefined ? 'ready' : 'answers',
        ...(diskBytes === undefined ? {} : { diskBytes }),
      });
      return new Testbed(options, folder, nodeArgs, recorder, platform);
    } catch (error) {
      await recorder.close();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get seed(): number {
    return this.options.seed;
  }

  get dataDir(): string {
    return this.current.dataDir;
  }

  get copiesDir(): string {
    return join(this.folder, 'copies');
  }

  /** Kinds of the faults that there were, in their order. */
  get struck(): readonly string[] {
    return this.#struck;
  }

  /** Starts a second process of each of these parts: leaders get somebody who stands by. */
  async replicate(parts: readonly string[]): Promise<void> {
    for (const part of parts) this.#replicas.push(await startReplica(await this.pid(part)));
    this.note(`a second process of ${parts.join(', ')}`);
  }

  async close(): Promise<void> {
    await Promise.all(this.#replicas.map(endReplica));
    for (const pid of Object.values(await this.current.parts())) signal(pid, 'SIGCONT');
    await this.current.stop();
    await this.recorder.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  get platform(): RunningPlatform {
    return this.current;
  }

  /** What was done to the platform, and when. */
  get timeline(): string {
    return [`seed ${this.seed}`, ...this.#timeline].join('\n');
  }

  note(text: string): void {
    const line = `${((performance.now() - this.#startedAt) / 1_000).toFixed(2).padStart(8)} s  ${text}`;
    this.#timeline.push(line);
    progress(line);
  }

  async parts(): Promise<readonly string[]> {
    return Object.keys(await this.current.parts());
  }

  /** A part that is being started again has no process for a moment. */
  pid(part: string): Promise<number> {
    return insist(async () => {
      const parts = await this.current.parts();
      const pid = parts[part];
      if (pid === undefined) throw new Error(`the platform has no part ${part}, but ${Object.keys(parts).join(', ')}`);
      return pid;
    }, `${part} runs`);
  }

  strike(kind: string, detail?: string): void {
    this.#struck.push(kind);
    this.note(detail === undefined ? kind : `${kind} ${detail}`);
  }

  async powerCut(): Promise<void> {
    await this.restart({ ends: 'power cut', awaits: 'ready' });
  }

  async restart({ ends, change, awaits }: Restart): Promise<void> {
    if (ends === 'in order') await this.current.stop();
    else await this.#cutPower();
    this.#endedAt = await uptime();
    await change?.();
    const env = settingsOf(this.options);
    this.current = await startPlatform({ dataDir: this.dataDir, env, nodeArgs: this.nodeArgs, awaits });
  }

  async #cutPower(): Promise<void> {
    const pids = Object.values(await this.current.parts());
    signal(this.current.launcherPid, 'SIGKILL');
    for (const pid of pids) signal(pid, 'SIGKILL');
    await this.current.exited;
  }

  lose(from: number): void {
    this.note(`said to be lost: what the log had of ${from.toFixed(2)} to ${this.#endedAt.toFixed(2)} (uptime)`);
    this.#losses.push({ from, until: this.#endedAt });
  }

  giveUp(objects: Iterable<string>): void {
    for (const name of objects) {
      this.note(`given up: ${name}`);
      this.#givenUp.add(name);
    }
  }

  acknowledged(): readonly { readonly key: string; readonly sentAt: number }[] {
    return [...this.#uuids.keys()].map((key) => ({ key, sentAt: this.#sentAt.get(key) ?? 0 }));
  }

  async untilSaid(words: RegExp): Promise<void> {
    let said = '';
    await eventually(
      async () => {
        said = await healthOf(this.current).catch(String);
        return words.test(said) && words.test(this.current.output());
      },
      { timeoutMs: SAID_MS },
    ).catch((cause: unknown) => {
      throw new Error(`nobody says ${String(words)}, but /health: ${said}\n${this.current.output().slice(-3_000)}`, {
        cause,
      });
    });
    this.note(`said: ${said}`);
  }

  async untilReady(): Promise<void> {
    await eventually(
      async () =>
        (
          await fetch(`${this.current.apiUrl}/health/ready`, { signal: AbortSignal.timeout(5_000) }).catch(
            () => undefined,
          )
        )?.status === 200,
      { timeoutMs: SETTLE_MS },
    ).catch(async (cause: unknown) => {
      const said = await healthOf(this.current).catch(String);
      throw new Error(`not ready: ${said}\n${this.current.output().slice(-3_000)}`, { cause });
    });
  }

  async fornax(...words: readonly string[]): Promise<Typed> {
    this.note(`fornax ${words.join(' ')}`);
    const typed = await typeFornax(this.dataDir, words);
    this.note(`  exit code ${typed.code}: ${typed.output.trim()}`);
    return typed;
  }

  async mustRefuse(): Promise<void> {
    const key = `refused-${this.#operations.length}`;
    const outcome = await this.submit({ key, instances: 1, lastsMs: 0 });
    if (outcome !== 'fail') throw new Error(`a submit was answered with ${outcome} where nothing may be written`);
  }

  async moveClock(part: string, offMs: number): Promise<void> {
    const pid = await this.pid(part);
    if (SERVERS.includes(part)) {
      for (const each of await treeOf(pid)) await setWallClock(each, offMs).catch(onlyIfAlive(each));
      return;
    }
    const setting = await readFile(join(clocksOf(this.dataDir), `of-${pid}`), 'utf8');
    await testClock(setting).set(offMs, pid);
  }

  /** Sends it once, as a client without patience. Its answer goes into the history. */
  async submit(submission: Submission): Promise<Operation['outcome']> {
    this.#sentAt.set(submission.key, this.#sentAt.get(submission.key) ?? (await uptime()));
    const answer = await postTask(this.current, this.recorder, submission).catch((): undefined => undefined);
    return this.#noted('submit', submission.key, answer);
  }

  /** Sends it under its key until it is acknowledged, as a client that wants it done. @returns the task's id */
  async insistOn(submission: Submission): Promise<string> {
    this.#sentAt.set(submission.key, this.#sentAt.get(submission.key) ?? (await uptime()));
    const answer = await insist(
      async () => {
        const given = await postTask(this.current, this.recorder, submission);
        if (outcomeOf(given.status) !== 'ok') throw new Error(`answered with ${given.status}`);
        return given;
      },
      `submit ${submission.key}`,
      INSIST_MS,
    );
    await this.#noted('submit', submission.key, answer);
    return answer.uuid ?? '';
  }

  /** Aborts a task whose submit was acknowledged; nothing when it was not. */
  async abort(key: string): Promise<void> {
    const uuid = this.#uuids.get(key);
    if (uuid === undefined) return;
    this.note(`abort ${key}`);
    const answer = await fetch(`${this.current.apiUrl}/tasks/${uuid}/abort`, {
      method: 'POST',
      headers: { authorization: this.current.token },
      signal: AbortSignal.timeout(20_000),
    }).then(
      ({ status }) => ({ status, uuid: undefined }),
      (): undefined => undefined,
    );
    await this.#noted('abort', key, answer);
  }

  /** Until an instance of the task has said its first word. */
  async untilRuns(key: string): Promise<void> {
    await eventually(() => this.recorder.runs().some((run) => run.key === key), { timeoutMs: SETTLE_MS });
  }

  /** Waits until all that was submitted is over, for the platform and for the recorder. @returns everything that happened */
  async settle(): Promise<History> {
    const keys = new Set(this.#operations.map(({ key }) => key));
    const endings = new Map<string, Ending>();
    // What ran has a task: rows may be behind for a moment. Where the log lost something, it may have none.
    const patientUntil = performance.now() + (this.#losses.length === 0 ? ROWS_MS : 0);
    // A submit that nobody answered may be listed late: the list is looked at again when all that it held is over.
    for (;;) {
      // What the platform takes for over must be over.
      await eventually(() => this.recorder.runs().every(({ isOpen }) => !isOpen), { timeoutMs: 20_000 }).catch(
        () => undefined,
      );
      const tasks = await insist(
        () => call<readonly Summary[]>(this.current, 'GET', '/tasks/summaries'),
        'list the tasks',
      );
      const more = tasks.filter(({ uuid, name }) => keys.has(name) && !endings.has(uuid));
      const known = new Set(tasks.map(({ name }) => name));
      const isAwaited = performance.now() < patientUntil && this.recorder.runs().some(({ key }) => !known.has(key));
      if (more.length === 0 && !isAwaited) break;
      if (more.length === 0) await new Promise((resolve) => setTimeout(resolve, 200));
      for (const { uuid, name } of more) endings.set(uuid, await this.#ending(uuid, name));
    }
    return {
      operations: [...this.#operations],
      runs: this.recorder.runs(),
      endings: [...endings.values()],
      losses: [...this.#losses],
      givenUp: new Set(this.#givenUp),
      elapsedMs: performance.now() - this.#startedAt,
    };
  }

  async #noted(kind: Operation['kind'], key: string, answer: Answer | undefined): Promise<Operation['outcome']> {
    const outcome = outcomeOf(answer?.status);
    this.#operations.push({ kind, key, outcome, at: await uptime() });
    if (outcome !== 'ok') this.note(`${kind} ${key}: ${outcome} (${answer?.status ?? 'no answer'})`);
    if (outcome === 'ok' && answer?.uuid !== undefined) this.#uuids.set(key, answer.uuid);
    return outcome;
  }

  async #ending(uuid: string, key: string): Promise<Ending> {
    let view: TaskView | undefined;
    await insist(
      async () => {
        view = await call<TaskView>(this.current, 'GET', `/tasks/${uuid}`);
        if (!TERMINAL.includes(view.state)) throw new Error(`${key} is ${view.state}`);
      },
      `${key} ends`,
      SETTLE_MS,
    ).catch((error: unknown) => this.note(String(error instanceof Error ? (error.cause ?? error) : error)));
    const { lines } = await insist(
      () =>
        call<{ readonly lines: readonly LedgerLine[] }>(this.current, 'GET', `/fornax/v1/billing/tasks/${uuid}/lines`),
      'read the ledger',
    );
    return {
      key,
      uuid,
      state: view?.state ?? 'unknown',
      instances: view?.instanceCount ?? 0,
      bucket: view?.resultBucket ?? null,
      completed: view?.completedInstances.map(({ instanceId }) => instanceId) ?? [],
      lines,
    };
  }
}
