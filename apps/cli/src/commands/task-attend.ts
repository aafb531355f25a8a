import { isOver, type WireTask } from '@fornax/client';
import type { Command } from 'commander';
import { instancesOf } from '../session/instance-count.js';
import { onAway } from '../session/on-away.js';
import { tellOutcome } from '../session/outcome.js';
import { countOf } from '../terminal/arguments.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';
import { showLive, type Frame } from '../terminal/live.js';

/** Instances of which a frame tells each. */
const MOST_INSTANCES = 50;

/** The exit code says how it ended; what went wrong stands on standard error. */
const conclude = async (io: Io, task: WireTask): Promise<void> => {
  await tellOutcome(io, task);
  if (task.state !== 'Success') io.setExitCode(1);
};

const wait = async (io: Io, id: string): Promise<void> => {
  const onChange = (task: WireTask): void => {
    if (io.isWatched()) io.tell(`${task.state} ${Math.round(task.progress)} %`);
  };
  // A platform that was never reached is an error, not one that is away.
  await io.client().getTask(id, io.signal);
  await conclude(io, await io.client().waitForTask(id, { signal: io.signal, onAway: onAway(io), onChange }));
};

/** How a task is, as lines; its running instances where there is room. */
const linesOf = async (io: Io, task: WireTask, rows: number): Promise<readonly string[]> => {
  const { uuid, name, state, progress, runningInstanceCount, completedInstances, errors } = task;
  const all = instancesOf(task);
  const failed = completedInstances.filter(({ error }) => error !== null).length;
  const isWaiting = !isOver(task) && runningInstanceCount < all;
  const why = isWaiting
    ? await io
        .client()
        .history.waiting(uuid)
        .then(
          ({ text }) => text,
          () => '',
        )
    : '';
  const running = task.status?.runningInstancesInfo.perRunningInstanceInfo ?? [];
  const shown = running.slice(
    0,
    Math.min(MOST_INSTANCES, Number.isFinite(rows) ? Math.max(0, rows - 8) : MOST_INSTANCES),
  );
  return [
    ...[
      `${name}  ${uuid}`,
      `${state}  ${Math.round(progress)} %`,
      `instances ${all}: ${runningInstanceCount} run, ${completedInstances.length - failed} succeeded, ${failed} failed`,
      ...(why === '' ? [] : [`waits: ${why}`]),
      ...errors.map(({ code, message }) => `${code}: ${message}`),
    ].map((line) => io.cut(harmlessLine(line))),
    ...(shown.length === 0
      ? []
      : [
          '',
          ...io.rendered([
            ['INSTANCE', 'PHASE', 'PROGRESS', 'SECONDS', 'CPU %', 'MEMORY MB', 'OF MB'],
            ...shown.map((one) => [
              one.instanceId,
              one.phase,
              `${Math.round(one.progress)} %`,
              Math.round(one.executionTimeSec),
              Math.round(one.cpuUsage),
              one.currentMemoryMB,
              one.maxMemoryMB,
            ]),
          ]),
        ]),
  ];
};

interface WatchOptions {
  readonly once?: boolean;
  readonly every: number;
}

const watch = async (io: Io, id: string, { once = false, every }: WatchOptions): Promise<void> => {
  let last: WireTask | undefined;
  const look = async (rows: number): Promise<Frame> => {
    const task = await io.client().getTask(id, io.signal);
    last = isOver(task) ? task : undefined;
    return { lines: await linesOf(io, task, rows), isLast: isOver(task) };
  };
  await showLive(io, look, { once, everyMs: every * 1_000 });
  if (last) await conclude(io, last);
};

/** `fornax task wait` and `fornax task watch`. */
export const addTaskAttendCommands = (task: Command, io: Io): void => {
  task
    .command('wait <task>')
    .description('wait until a task is over; exit code 1 unless it succeeds, with why on standard error')
    .action((id: string) => wait(io, id));
  task
    .command('watch <task>')
    .description(
      'a task as it is now, live until it is over: instances, their use, why it waits; exit code as of task wait',
    )
    .option('--once', 'one frame')
    .option('--every <seconds>', 'between two frames', countOf, 1)
    .action((id: string, options: WatchOptions) => watch(io, id, options));
};
