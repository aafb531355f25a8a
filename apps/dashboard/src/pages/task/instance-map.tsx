import { useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useEffect, useRef, type ReactNode } from 'react';
import type { Task } from '../../api/wire.ts';
import { rangesOf } from '../../parts/ranges.ts';

/** One place for each state in a palette; the first one is that of instances that wait. */
const COLORS = {
  waiting: [148, 155, 166],
  running: [34, 139, 230],
  succeeded: [47, 158, 68],
  failed: [224, 49, 49],
  cancelled: [232, 89, 12],
} as const;
type Shown = keyof typeof COLORS;
const ORDER = Object.keys(COLORS) as readonly Shown[];

/** The state of each instance, by its place in the order of their numbers. */
const statesOf = (task: Task): { readonly numbers: Uint32Array; readonly states: Uint8Array } => {
  const given = rangesOf(task.advancedRanges ?? `0-${task.instanceCount - 1}`);
  const total = given.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  const numbers = new Uint32Array(total);
  let at = 0;
  for (const [first, last] of given) for (let number = first; number <= last; number += 1) numbers[at++] = number;
  const placeOf = given.length === 1 ? undefined : new Map([...numbers].map((number, place) => [number, place]));
  const offset = given[0]?.[0] ?? 0;
  const states = new Uint8Array(total);
  const mark = (number: number, state: Shown): void => {
    const place = placeOf === undefined ? number - offset : placeOf.get(number);
    if (place !== undefined && place >= 0 && place < total) states[place] = ORDER.indexOf(state);
  };
  for (const { instanceId } of task.status?.runningInstancesInfo?.perRunningInstanceInfo ?? [])
    mark(instanceId, 'running');
  const ended = [
    ['succeeded', task.status?.succeededRange],
    ['failed', task.status?.failedOnlyRange],
    ['cancelled', task.status?.cancelledRange],
  ] as const;
  for (const [state, range] of ended)
    for (const [first, last] of rangesOf(range ?? ''))
      for (let number = first; number <= last; number += 1) mark(number, state);
  return { numbers, states };
};

interface Grid {
  readonly columns: number;
  readonly cell: number;
}

const HEIGHT_PX = 260;

/** The largest square cells with which all fit. */
const gridFor = (total: number, width: number): Grid => {
  let cell = 24;
  while (cell > 1 && Math.ceil(total / Math.floor(width / cell)) * cell > HEIGHT_PX) cell -= 1;
  return { columns: Math.max(1, Math.floor(width / cell)), cell };
};

interface InstanceMapProps {
  readonly task: Task;
  readonly onOpen: (instance: number) => void;
}

/** One cell for each instance, colored by its state. The table beside it says the same in words. */
export const InstanceMap = ({ task, onOpen }: InstanceMapProps): ReactNode => {
  const { ref, width } = useElementSize();
  const canvas = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme('light');
  const { numbers, states } = statesOf(task);
  const grid = gridFor(states.length, Math.max(1, Math.floor(width)));
  const rows = Math.ceil(states.length / grid.columns);

  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || width === 0) return;
    const { columns, cell } = grid;
    const gap = cell > 4 ? 1 : 0;
    context.clearRect(0, 0, columns * cell, rows * cell);
    ORDER.forEach((state, index) => {
      context.fillStyle = `rgb(${COLORS[state].join(' ')})`;
      states.forEach((value, place) => {
        if (value !== index) return;
        context.fillRect((place % columns) * cell, Math.floor(place / columns) * cell, cell - gap, cell - gap);
      });
    });
  });

  const at = (event: { readonly nativeEvent: { offsetX: number; offsetY: number } }): number | undefined => {
    const { offsetX, offsetY } = event.nativeEvent;
    return numbers[Math.floor(offsetY / grid.cell) * grid.columns + Math.floor(offsetX / grid.cell)];
  };
  const counts = ORDER.map(
    (state, index) => `${states.reduce((sum, one) => sum + (one === index ? 1 : 0), 0)} ${state}`,
  );
  return (
    <div ref={ref} data-scheme={scheme}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Map of ${states.length} instances: ${counts.join(', ')}`}
        width={grid.columns * grid.cell}
        height={rows * grid.cell}
        onMouseMove={(event) => {
          const number = at(event);
          event.currentTarget.title = number === undefined ? '' : `Instance ${number}`;
        }}
        onClick={(event) => {
          const number = at(event);
          if (number !== undefined) onOpen(number);
        }}
      />
    </div>
  );
};
