import { useEffect, useRef, useState } from 'react';
import { api, bodyOf } from '../api/client.ts';
import type { Task } from '../api/wire.ts';
import type { Read } from '../api/wire.ts';
import type { MapColor } from '../parts/map-scale.ts';

type Instance = Read<'/fornax/v1/tasks/{id}/instances'>['data'][number];

const PAGE = 1_000;

const VALUE_OF: Readonly<Record<Exclude<MapColor, 'state'>, (one: Instance) => number | null>> = {
  'exit code': ({ exitCode }) => exitCode,
  'wall time': ({ wallTimeSec }) => wallTimeSec,
  'peak memory': ({ peakMemoryMB }) => peakMemoryMB,
  attempt: ({ attempt, state }) => (state === 'waiting' && attempt === 0 ? null : attempt),
};

interface Reading {
  readonly task: string;
  readonly color: Exclude<MapColor, 'state'>;
  readonly numbers: Uint32Array;
  readonly signal: AbortSignal;
}

/** Reads one value of each instance into `values`, page by page, over those of before. @param onPage told after each page */
const readInto = async (values: Float64Array, reading: Reading, onPage: () => void): Promise<void> => {
  const { task, color, numbers, signal } = reading;
  const valueOf = VALUE_OF[color];
  let place = 0;
  for (let after: number | null | undefined; after !== null && !signal.aborted;) {
    const query = { limit: String(PAGE), ...(after === undefined ? {} : { after: String(after) }) };
    const page = await bodyOf(
      api.GET('/fornax/v1/tasks/{id}/instances', { params: { path: { id: task }, query }, signal }),
    );
    for (const one of page.data) {
      while (place < numbers.length && (numbers[place] ?? 0) < one.instanceId) place += 1;
      if (numbers[place] === one.instanceId) values[place] = valueOf(one) ?? NaN;
    }
    after = page.nextAfter;
    if (!signal.aborted) onPage();
  }
};

/** Does something again as often as it is asked to, but never twice at a time: all that is asked meanwhile is done by one more run. */
const oneAtATime = (run: () => Promise<void>): (() => void) => {
  let isRunning = false;
  let isAskedAgain = false;
  const start = async (): Promise<void> => {
    isRunning = true;
    try {
      do {
        isAskedAgain = false;
        await run();
      } while (isAskedAgain);
    } finally {
      isRunning = false;
    }
  };
  return () => {
    isAskedAgain = true;
    // What cannot be read stays without a color; the table beside it says why.
    if (!isRunning) void start().catch(() => undefined);
  };
};

/**
 * Reads one value of each instance, page by page, and tells as it goes. When the task changes they are read again behind those that are shown, once the
 * reading before is through: a task that changes all the time is read to its end, too.
 * @returns by the place of an instance in the order of their numbers; NaN: none. Undefined for states, which the task itself tells.
 */
export const useInstanceValues = (task: Task, color: MapColor, numbers: Uint32Array): Float64Array | undefined => {
  const [values, setValues] = useState<Float64Array>();
  const look = useRef<() => void>(() => undefined);
  const { uuid, lastModified } = task;

  useEffect(() => {
    setValues(undefined);
    look.current = () => undefined;
    if (color === 'state') return undefined;
    const stop = new AbortController();
    const { signal } = stop;
    const found = new Float64Array(numbers.length).fill(NaN);
    look.current = oneAtATime(() =>
      readInto(found, { task: uuid, color, numbers, signal }, () => setValues(found.slice())),
    );
    return () => stop.abort();
  }, [uuid, color, numbers]);
  useEffect(() => look.current(), [uuid, color, numbers, lastModified]);
  return values;
};
