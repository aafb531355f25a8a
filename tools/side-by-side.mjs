/**
 * Runs jobs beside one another and prints their outputs one after the other. Plain JavaScript without dependencies: `npm run check` and
 * `npm test` use it. Most suites wait for processes for more than half of their time, so two of them together take hardly longer than one.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

/** After this long without any output a line says what is running. */
const QUIET_MS = 30_000;

/**
 * @typedef {object} Job
 * @property {string} name
 * @property {number} weight how much of the width it takes; more than the width means all of it
 * @property {(print: (chunk: Buffer | string, stream?: 'stdout' | 'stderr') => void) => Promise<T>} run prints and returns its result
 * @template T
 */

/**
 * Starts the jobs in their order, each as soon as there is room for it. What the first unfinished job prints is shown at once; what the others print
 * is kept until those before them are done, so each output stays in one piece.
 * @param {readonly Job[]} jobs
 * @param {object} [options]
 * @param {number} [options.width] sum of the weights that may run at once; the number of cores, two at most, unless told
 * @param {(chunk: Buffer | string, stream: 'stdout' | 'stderr') => void} [options.write] where the output goes
 * @param {(result: unknown) => boolean} [options.stopsAt] whether a result keeps the jobs that have not begun from beginning
 * @param {number} [options.quietMs] silence after which a line says what is running, in milliseconds
 * @returns {Promise<readonly unknown[]>} the results in the order of the jobs, without those that have not begun
 * @throws what a job throws
 */
export const sideBySide = async (
  jobs,
  {
    width = Math.min(availableParallelism(), 2),
    write = (chunk, stream) => process[stream].write(chunk),
    stopsAt = () => false,
    quietMs = QUIET_MS,
  } = {},
) => {
  const states = jobs.map(({ name, weight }) => ({ name, weight: Math.min(weight, width), kept: [] }));
  const running = new Map();
  let shown = 0;
  let next = 0;
  let hasStopped = false;
  let used = 0;
  let quiet;

  const rest = () => {
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      const names = [...running.keys()].map(
        (index) => `${states[index].name} ${Math.round((performance.now() - states[index].startedAt) / 1_000)} s`,
      );
      write(`... running: ${names.join(', ')}\n`, 'stderr');
      rest();
    }, quietMs);
  };
  const emit = (chunk, stream) => {
    write(chunk, stream);
    rest();
  };
  const showWhatIsDone = () => {
    for (; shown < states.length; shown += 1) {
      for (const [chunk, stream] of states[shown].kept.splice(0)) emit(chunk, stream);
      if (!states[shown].isDone) return;
    }
  };
  const begin = (index) => {
    const state = states[index];
    state.startedAt = performance.now();
    used += state.weight;
    const print = (chunk, stream = 'stdout') => {
      if (index === shown) emit(chunk, stream);
      else state.kept.push([chunk, stream]);
    };
    if (index > shown) emit(`(${state.name} has begun; what it prints follows)\n`, 'stderr');
    const done = jobs[index].run(print).then((result) => {
      state.result = result;
      state.isDone = true;
      used -= state.weight;
      running.delete(index);
      hasStopped ||= stopsAt(result);
      showWhatIsDone();
    });
    running.set(index, done);
  };

  rest();
  try {
    for (;;) {
      while (!hasStopped && next < states.length && used + states[next].weight <= width) begin(next++);
      if (running.size === 0) break;
      await Promise.race(running.values());
    }
  } finally {
    clearTimeout(quiet);
  }
  return states.slice(0, next).map(({ result }) => result);
};

/**
 * Runs a program whose output goes to a job's `print`, in the colors that it would have on this terminal.
 * @returns {Promise<number | null>} its exit code, null after a signal
 */
export const runProgram = (program, args, { cwd, env = process.env, print, onStart, onStderr }) =>
  new Promise((resolve, reject) => {
    const hasColors = process.stdout.isTTY && env.FORCE_COLOR === undefined && env.NO_COLOR === undefined;
    const child = spawn(program, args, {
      cwd,
      env: hasColors ? { ...env, FORCE_COLOR: '1' } : env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onStart?.(child);
    child.stdout.on('data', (chunk) => print(chunk, 'stdout'));
    child.stderr.on('data', (chunk) => {
      print(chunk, 'stderr');
      onStderr?.(chunk);
    });
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
