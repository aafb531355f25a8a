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
const IDLE_MS = 3_000;

const cpuMs = async (): Promise<number> => {
  const byKind = await cpuOfDescendants();
  return KINDS.reduce((sum, kind) => sum + byKind[kind], 0);
};

/** What the servers use while nobody asks for anything, in milliseconds of processor time for a millisecond. */
const idleShare = async (): Promise<number> => {
  const before = await cpuMs();
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  return ((await cpuMs()) - before) / IDLE_MS;
};

interface Measured {
  readonly perSecond: number;
  /** Processor time of all servers that this process has started for one, what they use when idle taken off. */
  readonly cpuMs: number;
}

export interface S3Speeds {
  readonly smallPut: Measured;
  readonly smallGet: Measured;
  readonly largePut: Measured;
  readonly largeGet: Measured;
  /** A page of 1,000 prefixes. */
  readonly page: Measured;
}

/** Measures one S3 server, which must be the only busy one that this process has started. */
export const s3Speeds = async (server: S3Server, scale: number, say: (text: string) => void): Promise<S3Speeds> => {
  const load = new S3Load(server, 'bench-objects', SMALL_AT_ONCE);
  const [small, large] = [payloadOf(randomBytes(SMALL_BYTES)), payloadOf(randomBytes(LARGE_BYTES))];
  const [many, few, pages] = [5_000, 24, 40].map((count) => Math.max(2, Math.round(count * scale))) as [
    number,
    number,
    number,
  ];
  const whole = (bytes: number) => async (key: string) => {
    const got = await load.get(key);
    if (got !== bytes) throw new Error(`${key} has ${got} bytes`);
  };
  try {
    await load.open();
    await timed(Math.round(many / 4), SMALL_AT_ONCE, (index) => load.put(`warm-${index}`, small));
    await timed(Math.round(many / 4), SMALL_AT_ONCE, (index) => load.get(`warm-${index}`));
    const idle = await idleShare();
    const measure = async (
      what: string,
      n: number,
      width: number,
      work: (index: number) => Promise<unknown>,
    ): Promise<Measured> => {
      say(what);
      const before = await cpuMs();
      const seconds = await timed(n, width, work);
      const used = (await cpuMs()) - before - idle * seconds * 1000;
      return { perSecond: n / seconds, cpuMs: Math.max(0, used) / n };
    };
    const smallPut = await measure('puts of 4 KiB, 16 in flight', many, SMALL_AT_ONCE, (index) =>
      load.put(`small-${index}`, small),
    );
    const smallGet = await measure('gets of 4 KiB, 16 in flight', many, SMALL_AT_ONCE, (index) =>
      whole(SMALL_BYTES)(`small-${index}`),
    );
    const largePut = await measure('puts of 64 MiB, 2 in flight', few, LARGE_AT_ONCE, (index) =>
      load.put(`large-${index}`, large),
    );
    const largeGet = await measure('gets of 64 MiB, 2 in flight', few, LARGE_AT_ONCE, (index) =>
      whole(LARGE_BYTES)(`large-${index}`),
    );
    const folders = Math.round(FOLDERS * Math.min(1, scale));
    await timed(2 * folders, SMALL_AT_ONCE, (index) => load.put(`pages/${index % folders}/${index}`, small));
    const page = await measure(`pages of ${folders} prefixes`, pages, 1, () =>
      load.list([
        ['delimiter', '/'],
        ['list-type', '2'],
        ['prefix', 'pages/'],
      ]),
    );
    return { smallPut, smallGet, largePut, largeGet, page };
  } finally {
    load.close();
  }
};

const NAMES: Readonly<Record<keyof S3Speeds, string>> = {
  smallPut: 'put of 4 KiB, 16 in flight',
  smallGet: 'get of 4 KiB, 16 in flight',
  largePut: 'put of 64 MiB, 2 in flight',
  largeGet: 'get of 64 MiB, 2 in flight',
  page: 'page of 1,000 prefixes',
};
const WHAT: readonly (keyof S3Speeds)[] = ['smallPut', 'smallGet', 'largePut', 'largeGet', 'page'];

/** Figures of one server, beside those of another one where there is one. */
export const s3Figures = (
  name: string,
  speeds: S3Speeds,
  beside: { readonly name: string; readonly speeds: S3Speeds } | undefined,
): readonly Figure[] =>
  WHAT.flatMap((what) => [
    {
      name: `${name}: ${NAMES[what]}`,
      value: speeds[what].perSecond,
      unit: '/s',
      ...(beside ? { floor: beside.speeds[what].perSecond, floorName: beside.name } : {}),
    },
    {
      name: `${name}: ${NAMES[what]}, processor time`,
      value: speeds[what].cpuMs,
      unit: 'ms',
      ...(beside ? { floor: beside.speeds[what].cpuMs, floorName: beside.name } : {}),
    },
  ]);
