import { eventually, type RunningPlatform, type Random, between, pick } from '@fornax/testing';
import { isStopped, signal, treeOf } from '../processes.js';
import { insist } from '../work.js';

/** What a fault may touch. */
export interface Target {
  readonly random: Random;
  /** Process of a part of the platform as it is now. @throws Error there is no such part */
  pid(part: string): Promise<number>;
  parts(): Promise<readonly string[]>;
  /** For the timeline that is printed when a scenario fails. */
  note(text: string): void;
  /** The same, of something that has gone wrong by now: it is counted under the name of its kind. */
  strike(kind: string, detail?: string): void;
  /** Kills the launcher and all parts at once, and starts everything again on the same data. */
  powerCut(): Promise<void>;
  /** Ends everything, in order or as a power cut, changes what lies on the disk, and starts again. */
  restart(restart: Restart): Promise<void>;
  readonly platform: RunningPlatform;
  /** Where the data is, for a test. */
  readonly dataDir: string;
  /** A folder for copies, beside the data. */
  readonly copiesDir: string;
  /** Until /health, for an operator, and the launcher's screen say this. */
  untilSaid(words: RegExp): Promise<void>;
  untilReady(): Promise<void>;
  /** Types `fornax …`. */
  fornax(...words: readonly string[]): Promise<Typed>;
  /** Sends a submit that must be refused. @throws Error it was not */
  mustRefuse(): Promise<void>;
  /** Says that what the log had from then to the last restart may be lost now. */
  lose(from: number): void;
  /** Says that these objects (`<bucket>/<key>`) may be gone now: the platform named them, and they are given up. */
  giveUp(objects: Iterable<string>): void;
  /** Submits that were acknowledged so far, the first one first, with the moment at which each was sent. */
  acknowledged(): readonly { readonly key: string; readonly sentAt: number }[];
  /** Sets the wall clock of one part's process off by this much; 0 sets it right. */
  moveClock(part: string, offMs: number): Promise<void>;
}

export interface Restart {
  readonly ends: 'in order' | 'power cut';
  readonly change?: () => Promise<void>;
  /** Whether it can become ready after that, or only answer. */
  readonly awaits: 'ready' | 'answers';
}

/** What a command printed, with its exit code. */
export interface Typed {
  readonly code: number;
  readonly output: string;
}

/** One thing that goes wrong, and right again: it resolves once it is healed. */
export interface Fault {
  readonly name: string;
  /** Nothing goes wrong by it: it is a wait, or a copy. Every other one must strike, or it was none. */
  readonly isPreparation?: boolean;
  readonly inject: (target: Target) => Promise<void>;
}

type Range = readonly [number, number];
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Nothing, for a time of the seed's choice: so that what comes next hits another moment. */
export const calm = (ms: Range): Fault => ({
  name: `calm of ${ms.join(' to ')} ms`,
  isPreparation: true,
  inject: ({ random }) => sleep(between(random, ms)),
});

/** `kill -9` of one part; the launcher starts it again. */
export const kill = (part: string): Fault => ({
  name: `kill ${part}`,
  inject: async (target) => {
    // One that ends by itself meanwhile is started again: what is killed must have lived.
    await insist(async () => {
      if (!signal(await target.pid(part), 'SIGKILL')) throw new Error(`${part} is gone`);
    }, `kill ${part}`);
    target.strike(`kill -9 ${part}`);
  },
});

/**
 * SIGSTOP, and SIGCONT after a time of the seed's choice. A server is paused with all its processes; an agent alone, for what it started lives
 * on while it stands still.
 */
export const pause = (part: string, ms: Range): Fault => ({
  name: `pause ${part} for ${ms.join(' to ')} ms`,
  inject: async (target) => {
    const pid = await target.pid(part);
    const pids = part === 'postgres' ? await treeOf(pid) : [pid];
    const pauseMs = between(target.random, ms);
    for (const each of pids) signal(each, 'SIGSTOP');
    try {
      await eventually(() => isStopped(pid), { timeoutMs: 5_000 });
      target.strike(`SIGSTOP ${part}`, `for ${pauseMs} ms`);
      await sleep(pauseMs);
    } finally {
      for (const each of pids) signal(each, 'SIGCONT');
      target.note(`SIGCONT ${part}`);
    }
  },
});

/** The wall clock of one part jumps, stays off for a while, and jumps back. */
export const clockStep = (part: string, stepMs: number, ms: Range): Fault => ({
  name: `clock of ${part} off by ${stepMs} ms`,
  inject: async (target) => {
    await target.moveClock(part, stepMs);
    target.strike(`clock of ${part}`, `off by ${stepMs} ms`);
    try {
      await sleep(between(target.random, ms));
    } finally {
      await target.moveClock(part, 0);
      target.note(`clock of ${part} right again`);
    }
  },
});

/** Everything is killed at once and started again. */
export const powerCut: Fault = {
  name: 'power cut',
  inject: async (target) => {
    await target.powerCut();
    target.strike('power cut');
    target.note('started again');
  },
};

/** One after the other. */
export const inTurn = (...faults: readonly Fault[]): Fault => ({
  name: faults.map(({ name }) => name).join(', then '),
  inject: async (target) => {
    for (const fault of faults) await fault.inject(target);
  },
});

/** At the same time. */
export const together = (...faults: readonly Fault[]): Fault => ({
  name: faults.map(({ name }) => name).join(' and '),
  inject: async (target) => {
    const outcomes = await Promise.allSettled(faults.map((fault) => fault.inject(target)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed) throw failed.reason;
  },
});

/** Some of them, in an order of the seed's choice, with a calm between them. */
export const shuffled = (faults: readonly Fault[], count: number, gap: Range): Fault => ({
  name: `${count} of: ${faults.map(({ name }) => name).join('; ')}`,
  inject: async (target) => {
    for (let n = 0; n < count; n += 1) {
      await pick(target.random, faults).inject(target);
      await calm(gap).inject(target);
    }
  },
});
