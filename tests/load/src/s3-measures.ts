import { randomBytes } from 'node:crypto';
import { KINDS, cpuOfDescendants } from './cpu.js';
import type { Figure } from './report.js';
import { timed } from './statistics.js';
import { payloadOf, S3Load, type S3Server } from './s3-load.js';

const SMALL_BYTES = 4 * 1024;
const LARGE_BYTES = 64 * 1024 * 1024;
const SMALL_AT_ONCE = 16;
const LARGE_AT_ONCE = 2;
const FOLDERS = 1_000;
const ROUNDS = 4;
const IDLE_MS = 2_000;
/** Large objects take turns under a few names, so that they are written over. */
const LARGE_NAMES = 4;

/** A server to measure, with the processes that it consists of: each with what it has started. */
export interface Measurable extends S3Server {
  readonly name: string;
  readonly pids: readonly number[];
}

const cpuMsOf = async ({ pids }: Measurable): Promise<number> => {
  const used = await Promise.all(pids.map(cpuOfDescendants));
  return used.reduce((sum, byKind) => sum + KINDS.reduce((all, kind) => all + byKind[kind], 0), 0);
};

/** What was done in some rounds. */
interface Sum {
  readonly done: number;
  readonly seconds: number;
  readonly cpuMs: number;
}

const NOTHING: Sum = { done: 0, seconds: 0, cpuMs: 0 };
const plus = (a: Sum, b: Sum): Sum => ({
  done: a.done + b.done,
  seconds: a.seconds + b.seconds,
  cpuMs: a.cpuMs + b.cpuMs,
});

/** What is measured of each server. */
interface Step {
  readonly name: string;
  /** In one round of a run of full length. */
  readonly count: number;
  readonly width: number;
  readonly work: (load: S3Load, index: number) => Promise<unknown>;
}

const whole = async (load: S3Load, key: string, bytes: number): Promise<void> => {
  const got = await load.get(key);
  if (got !== bytes) throw new Error(`${key} has ${got} bytes`);
};

const stepsOf = (folders: number): readonly Step[] => {
  const [small, large] = [payloadOf(randomBytes(SMALL_BYTES)), payloadOf(randomBytes(LARGE_BYTES))];
  const largeName = (index: number): string => `large-${index % LARGE_NAMES}`;
  const page = (load: S3Load): Promise<void> =>
    load.list([
      ['delimiter', '/'],
      ['list-type', '2'],
      ['prefix', 'pages/'],
    ]);
  return [
    {
      name: 'put of 4 KiB, 16 in flight',
      count: 800,
      width: SMALL_AT_ONCE,
      work: (load, index) => load.put(`small-${index}`, small),
    },
    {
      name: 'get of 4 KiB, 16 in flight',
      count: 800,
      width: SMALL_AT_ONCE,
      work: (load, index) => whole(load, `small-${index}`, SMALL_BYTES),
    },
    {
      name: 'put of 64 MiB, 2 in flight',
      count: LARGE_NAMES,
      width: LARGE_AT_ONCE,
      work: (load, index) => load.put(largeName(index), large),
    },
    {
      name: 'get of 64 MiB, 2 in flight',
      count: LARGE_NAMES,
      width: LARGE_AT_ONCE,
      work: (load, index) => whole(load, largeName(index), LARGE_BYTES),
    },
    { name: `page of ${folders} prefixes`, count: 5, width: 1, work: page },
  ];
};

const prepare = async (load: S3Load, folders: number, warmth: number): Promise<void> => {
  const small = payloadOf(randomBytes(SMALL_BYTES));
  await load.open();
  await timed(folders, SMALL_AT_ONCE, (index) => load.put(`pages/${index}/object`, small));
  await timed(warmth, SMALL_AT_ONCE, (index) => load.get(`pages/${index % folders}/object`));
};

export interface Measured {
  readonly perSecond: number;
  /** Processor time of all processes of the server for one, what they use when idle taken off. */
  readonly cpuMs: number;
}

/** By the server's name, then by the step's. */
export type S3Speeds = ReadonlyMap<string, ReadonlyMap<string, Measured>>;

/** Measures S3 servers in turns, so that whatever else the machine does meets all of them alike. */
export const s3Speeds = async (
  servers: readonly Measurable[],
  scale: number,
  say: (text: string) => void,
): Promise<S3Speeds> => {
  const folders = Math.round(FOLDERS * Math.min(1, scale));
  const loads = servers.map((server) => ({ server, load: new S3Load(server, 'bench-objects', SMALL_AT_ONCE) }));
  try {
    for (const { server, load } of loads) {
      say(`${server.name}: objects to list`);
      await prepare(load, folders, Math.round(1_000 * scale));
    }
    const idleFrom = await Promise.all(servers.map(cpuMsOf));
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    const idleTo = await Promise.all(servers.map(cpuMsOf));
    const idle = new Map(
      servers.map((server, at) => [server, ((idleTo[at] ?? 0) - (idleFrom[at] ?? 0)) / IDLE_MS] as const),
    );
    const once = async ({ server, load }: (typeof loads)[number], step: Step, round: number): Promise<Sum> => {
      const count = Math.max(2, Math.round(step.count * scale));
      const before = await cpuMsOf(server);
      const seconds = await timed(count, step.width, (index) => step.work(load, round * count + index));
      const used = (await cpuMsOf(server)) - before - (idle.get(server) ?? 0) * seconds * 1000;
      return { done: count, seconds, cpuMs: used };
    };
    const speeds = new Map(servers.map(({ name }) => [name, new Map<string, Measured>()]));
    for (const step of stepsOf(folders)) {
      say(`${step.name}: ${ROUNDS} rounds`);
      const sums = new Map<string, Sum>();
      for (let round = 0; round < ROUNDS; round += 1)
        // Who comes first in one round comes last in the next.
        for (const one of round % 2 === 0 ? loads : loads.toReversed())
          sums.set(one.server.name, plus(sums.get(one.server.name) ?? NOTHING, await once(one, step, round)));
      for (const [name, { done, seconds, cpuMs }] of sums)
        speeds.get(name)?.set(step.name, { perSecond: done / seconds, cpuMs: Math.max(0, cpuMs) / done });
    }
    return speeds;
  } finally {
    for (const { load } of loads) load.close();
  }
};

/** Figures of one server, beside those of another one where there is one. */
export const s3Figures = (speeds: S3Speeds, name: string, beside?: string): readonly Figure[] =>
  [...(speeds.get(name) ?? [])].flatMap(([step, { perSecond, cpuMs }]) => {
    const other = beside === undefined ? undefined : speeds.get(beside)?.get(step);
    const floor = (value: number | undefined): Pick<Figure, 'floor' | 'floorName'> =>
      value === undefined || beside === undefined ? {} : { floor: value, floorName: beside };
    return [
      { name: `${name}: ${step}`, value: perSecond, unit: '/s', ...floor(other?.perSecond) },
      { name: `${name}: ${step}, processor time`, value: cpuMs, unit: 'ms', ...floor(other?.cpuMs) },
    ];
  });
