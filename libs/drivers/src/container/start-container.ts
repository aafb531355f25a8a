import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { holdInside } from '../network/way-in.js';
import type { InsideProcess } from '../process/known-process.js';
import { signalQuietly, startTimeOf } from '../process/proc.js';
import type { Started } from '../process/starter.js';
import type { ContainerGroup } from './container-group.js';
import type { Engine } from './engine.js';
import { NamedPipes } from './named-pipes.js';

/** How long a container that runs may take until its first process says so. */
const BEGIN_MS = 30_000;
/** How often it is looked whether a container is over that has let go of its pipes. */
const FIRST_LOOK_MS = 2;
const LONGEST_LOOK_MS = 200;
/** Of an engine whose processes are not seen here: it has to be asked. */
const ASK_MS = 250;
const COMPLAINT_BYTES = 1_000;

export interface ContainerStart {
  readonly engine: Engine;
  readonly group: ContainerGroup;
  /** The instance's folder on the machine. */
  readonly folder: string;
  /** Whose its processes are on the machine; undefined: nobody else's than the engine's. */
  readonly uid: number | undefined;
  /** @returns its id */
  readonly create: () => Promise<string>;
}

/** The first process of a container on this machine: its number, and what tells it from a later one of that number. */
interface FirstProcess {
  readonly pid: number;
  readonly startTime: string;
}

/** What the engine says may be a number of another machine, or of another namespace: only the first one of a namespace that is in the container counts. */
const firstProcess = async (id: string, pid: number, uid: number | undefined): Promise<FirstProcess | undefined> => {
  if (pid <= 1) return undefined;
  const startTime = await startTimeOf(pid);
  const [status, groups] = await Promise.all(
    ['status', 'cgroup'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
  );
  const isFirst = /^NSpid:.*\t1$/m.test(status ?? '');
  const owner = Number(/^Uid:\s+(\d+)/m.exec(status ?? '')?.[1] ?? NaN);
  const isIts = groups?.includes(id) === true || (uid !== undefined && uid !== 0 && owner === uid);
  return startTime !== undefined && isFirst && isIts ? { pid, startTime } : undefined;
};

/** Whether nothing runs in its namespace any more: it is the last to end there. */
const isOver = async ({ pid, startTime }: FirstProcess): Promise<boolean> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' || fields[19] !== startTime || fields[0] === 'Z' || fields[0] === 'X';
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Has an engine make and start a container, whose first process takes its pipes by name. @throws Error it did not come up; EngineAway, EngineRefused */
export const startContainer = async (how: ContainerStart): Promise<Started> => {
  const { engine, group, folder } = how;
  const pipes = await NamedPipes.make(join(folder, 'pipes'));
  let id: string | undefined;
  try {
    id = await how.create();
    const opened = pipes.opened();
    // It may fail before anybody waits for it.
    opened.catch(() => undefined);
    await engine.start(id);
    const state = await engine.state(id);
    const first = state && (await firstProcess(id, state.pid, how.uid));
    // From here on the warden finds it without the engine.
    if (first) await writeFile(join(folder, 'pid'), `${first.pid} ${first.startTime}`, { mode: 0o600 });
    const { control, order, status } = await within(
      BEGIN_MS,
      opened,
      async () => (await engine.state(id ?? ''))?.isRunning,
    );
    if (first) await group.find(first.pid);
    let isEnded = false;
    const ended = pipes.closed.then(async () => {
      for (let ms = FIRST_LOOK_MS; first && !(await isOver(first)); ms = Math.min(ms * 2, LONGEST_LOOK_MS))
        await pause(ms);
      while (!first && (await isRunning(engine, id ?? ''))) await pause(ASK_MS);
      isEnded = true;
      const last = await engine.state(id ?? '').catch(() => undefined);
      group.ended(last?.wasOutOfMemory === true);
    });
    const kill = (): void => {
      if (isEnded) return;
      // Its first process ends all then, by itself; the rest is for one that somebody stopped.
      control.destroy();
      void engine.kill(id ?? '').catch(() => undefined);
      if (first) void isOver(first).then((over) => over || signalQuietly(first.pid, 'SIGKILL'));
    };
    const { out, err } = pipes;
    const inside = async (): Promise<InsideProcess> => {
      if (!first)
        throw new Error('there is no way into instances of this node: its engine runs them where it does not see them');
      return holdInside(first.pid, async () => !isEnded && !(await isOver(first)));
    };
    return { pid: first?.pid ?? 0, out, err, control, status, order, inside, ended, isOver: () => isEnded, kill };
  } catch (error) {
    const complaint = String(pipes.err.read() ?? '')
      .trim()
      .slice(0, COMPLAINT_BYTES);
    pipes.destroy();
    if (id !== undefined) await engine.kill(id).catch(() => undefined);
    throw complaint === '' ? error : new Error(complaint, { cause: error });
  }
};

/** An engine that is away does not say: it goes on asking, for the container goes on as well. */
const isRunning = async (engine: Engine, id: string): Promise<boolean> => {
  try {
    return (await engine.state(id))?.isRunning === true;
  } catch {
    return true;
  }
};

/** What comes within a time, and while something goes on. @throws Error it does not */
const within = async <T>(ms: number, promise: Promise<T>, goesOn: () => Promise<boolean | undefined>): Promise<T> => {
  const until = performance.now() + ms;
  const nothing = Symbol('nothing');
  for (;;) {
    const got = await Promise.race([promise, pause(ASK_MS).then((): typeof nothing => nothing)]);
    if (got !== nothing) return got;
    if (performance.now() >= until) throw new Error('the container runs, but its first process says nothing');
    if ((await goesOn()) === false) {
      // Its last words may still be on their way.
      const last = await Promise.race([promise, pause(ASK_MS).then((): typeof nothing => nothing)]);
      if (last !== nothing) return last;
      throw new Error('the container ended before its first process began');
    }
  }
};
