import { useEffect, useState } from 'react';
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

/**
 * Reads one value of each instance, page by page, and tells as it goes.
 * @returns by the place of an instance in the order of their numbers; NaN: none. Undefined for states, which the task itself tells.
 */
export const useInstanceValues = (task: Task, color: MapColor, numbers: Uint32Array): Float64Array | undefined => {
  const [values, setValues] = useState<Float64Array>();
  const { uuid, lastModified } = task;
  const total = numbers.length;
  useEffect(() => {
    setValues(undefined);
    if (color === 'state') return undefined;
    const stop = new AbortController();
    const valueOf = VALUE_OF[color];
    const read = async (): Promise<void> => {
      const found = new Float64Array(total).fill(NaN);
      let place = 0;
      for (let after: number | null | undefined; after !== null && !stop.signal.aborted;) {
        const query = { limit: String(PAGE), ...(after === undefined ? {} : { after: String(after) }) };
        const page = await bodyOf(
          api.GET('/fornax/v1/tasks/{id}/instances', { params: { path: { id: uuid }, query }, signal: stop.signal }),
        );
        for (const one of page.data) {
          while (place < total && (numbers[place] ?? 0) < one.instanceId) place += 1;
          if (numbers[place] === one.instanceId) found[place] = valueOf(one) ?? NaN;
        }
        after = page.nextAfter;
        if (!stop.signal.aborted) setValues(found.slice());
      }
    };
    // What cannot be read stays without a color; the table beside it says why.
    void read().catch(() => undefined);
    return () => stop.abort();
  }, [uuid, lastModified, color, total]);
  return values;
};
