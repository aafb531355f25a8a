import { eventually } from '@fornax/testing';
import { checkHistory } from '../history/check-history.js';
import type { History } from '../history/history.js';
import { projectionFaults } from '../invariants.js';
import { cpuMs, descriptorsOf, residentMiB } from '../processes.js';
import type { Testbed } from '../testbed/testbed.js';

/** Says what is wrong, a line each; nothing when all is well. */
export type Oracle = (bed: Testbed, history: History, before: Descriptors) => Promise<readonly string[]>;

/** Open descriptors of each part's process. */
export type Descriptors = ReadonlyMap<string, { readonly pid: number; readonly count: number }>;

const QUIET_MS = 60_000;
/** Connections come and go; an instance that leaks takes five at least, and every scenario runs more than a handful. */
const MORE_DESCRIPTORS = 24;
const IDLE_WINDOW_MS = 2_000;
/** Part of one core that a process may take while nothing is asked of it. One that spins takes all of it. */
const IDLE_PART = 0.4;
const MOST_MIB = 1_024;

export const describeDescriptors = async (bed: Testbed): Promise<Descriptors> => {
  const found = new Map<string, { readonly pid: number; readonly count: number }>();
  for (const [part, pid] of Object.entries(await bed.platform.parts())) {
    const count = await descriptorsOf(pid);
    if (count !== undefined) found.set(part, { pid, count });
  }
  return found;
};

/** Waits until `look` finds nothing. @returns what it found last */
const untilNone = async (look: () => Promise<readonly string[]>): Promise<readonly string[]> => {
  let found: readonly string[] = [];
  await eventually(
    async () => {
      found = await look();
      return found.length === 0;
    },
    { timeoutMs: QUIET_MS },
  ).catch(() => undefined);
  return found;
};

export const history: Oracle = (_bed, seen) =>
  Promise.resolve(checkHistory(seen).map(({ kind, key, detail }) => `${key}: ${kind}: ${detail}`));

export const projections: Oracle = (bed) => projectionFaults(bed.platform);

/** No process that lived through it holds more descriptors than before. */
export const descriptors: Oracle = (bed, _history, before) =>
  untilNone(async () => {
    const after = await describeDescriptors(bed);
    return [...after].flatMap(([part, { pid, count }]) => {
      const first = before.get(part);
      return first?.pid === pid && count > first.count + MORE_DESCRIPTORS
        ? [`${part} holds ${count} descriptors, ${first.count} before`]
        : [];
    });
  });

/** Nobody works when there is nothing to do. */
export const idle: Oracle = (bed) =>
  untilNone(async () => {
    const parts = Object.entries(await bed.platform.parts());
    const first = await Promise.all(parts.map(([, pid]) => cpuMs(pid)));
    const from = performance.now();
    await new Promise((resolve) => setTimeout(resolve, IDLE_WINDOW_MS));
    const last = await Promise.all(parts.map(([, pid]) => cpuMs(pid)));
    const windowMs = performance.now() - from;
    return parts.flatMap(([part], at) => {
      const used = (last[at] ?? 0) - (first[at] ?? 0);
      return used > IDLE_PART * windowMs
        ? [`${part} used ${used} ms of CPU in ${Math.round(windowMs)} ms of nothing`]
        : [];
    });
  });

export const memory: Oracle = async (bed) => {
  const parts = Object.entries(await bed.platform.parts());
  const sizes = await Promise.all(parts.map(([, pid]) => residentMiB(pid)));
  return parts.flatMap(([part], at) => {
    const size = sizes[at] ?? 0;
    return size > MOST_MIB ? [`${part} holds ${Math.round(size)} MiB`] : [];
  });
};

/** The first moment at which the platform says that it is ready, a submit works, at the first try. */
export const readiness: Oracle = async (bed) => {
  await eventually(
    async () =>
      (await fetch(`${bed.platform.apiUrl}/health/ready`, { signal: AbortSignal.timeout(5_000) })).status === 200,
    { timeoutMs: QUIET_MS },
  );
  const outcome = await bed.submit({
    key: `ready-${bed.seed}-${Math.floor(bed.random() * 1e9)}`,
    instances: 1,
    lastsMs: 0,
  });
  return outcome === 'ok' ? [] : [`the platform said that it was ready, and a submit was answered with ${outcome}`];
};
