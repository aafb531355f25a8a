import { Group, Text, useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useEffect, useMemo, useRef, useState, type MouseEvent, type ReactNode } from 'react';
import type { Task } from '../../api/wire.ts';
import { useInstanceValues } from '../../known/instance-values.ts';
import { count, counted } from '../../parts/format.tsx';
import { scaleOf, type MapColor, type Scale } from '../../parts/map-scale.ts';
import { rangesOf } from '../../parts/ranges.ts';
import { numbersOf, stateScale } from './instance-states.ts';

interface Grid {
  readonly columns: number;
  readonly cell: number;
}

const HEIGHT_PX = 440;

/** The largest square cells with which all fit. */
const gridFor = (total: number, width: number): Grid => {
  let cell = 24;
  while (cell > 1 && Math.ceil(total / Math.floor(width / cell)) * cell > HEIGHT_PX) cell -= 1;
  return { columns: Math.max(1, Math.floor(width / cell)), cell };
};

/** Which cells are chosen, by their places; undefined: none is. */
const placesIn = (numbers: Uint32Array, chosen: string | undefined): Uint8Array | undefined => {
  const ranges = rangesOf(chosen ?? '');
  if (ranges.length === 0) return undefined;
  return Uint8Array.from(numbers, (number) =>
    ranges.some(([first, last]) => number >= first && number <= last) ? 1 : 0,
  );
};

const FADED = 0.25;

interface Painted {
  readonly scale: Scale;
  readonly grid: Grid;
  readonly isChosen: (place: number) => boolean;
}

const OPAQUE = 255;

/** A hundred thousand cells are written as pixels, in a few milliseconds: drawn one by one they take a second on a busy machine. */
const paint = (context: CanvasRenderingContext2D, { scale, grid, isChosen }: Painted): void => {
  const { columns, cell } = grid;
  const { width, height } = context.canvas;
  const side = cell > 4 ? cell - 1 : cell;
  const image = context.createImageData(width, height);
  const pixels = new DataView(image.data.buffer);
  const inks = scale.colors.map(([red, green, blue]) => red * 0x1_00_00_00 + green * 0x1_00_00 + blue * 0x1_00);
  for (let place = 0; place < scale.indices.length; place += 1) {
    const ink = (inks[scale.indices[place] ?? 0] ?? 0) + (isChosen(place) ? OPAQUE : Math.round(OPAQUE * FADED));
    const left = (place % columns) * cell;
    const top = Math.floor(place / columns) * cell;
    for (let y = top; y < top + side; y += 1)
      for (let x = left; x < left + side; x += 1) pixels.setUint32((y * width + x) * 4, ink);
  }
  context.putImageData(image, 0, 0);
};

interface InstanceMapProps {
  readonly task: Task;
  readonly color: MapColor;
  /** Ranges, such as `0-2,17`. */
  readonly chosen: string | undefined;
  readonly onOpen: (instance: number) => void;
  readonly onChoose: (ranges: string) => void;
}

/** One cell for each instance. A click opens one, and from one cell to another those between are chosen. The table beside it says the same in words. */
export const InstanceMap = ({ task, color, chosen, onOpen, onChoose }: InstanceMapProps): ReactNode => {
  const { ref, width } = useElementSize();
  const canvas = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme('light');
  const [brush, setBrush] = useState<readonly [from: number, to: number]>();
  const given = task.advancedRanges ?? `0-${task.instanceCount - 1}`;
  const numbers = useMemo(() => numbersOf(given), [given]);
  const values = useInstanceValues(task, color, numbers);
  const scale = useMemo(
    () =>
      color === 'state'
        ? stateScale(task, numbers)
        : scaleOf(color, values ?? new Float64Array(numbers.length).fill(NaN)),
    [task, numbers, color, values],
  );
  const places = useMemo(() => placesIn(numbers, chosen), [numbers, chosen]);
  const total = numbers.length;
  const grid = useMemo(() => gridFor(total, Math.max(1, Math.floor(width))), [total, width]);
  const rows = Math.ceil(total / grid.columns);

  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || width === 0) return;
    const [low, high] = [Math.min(...(brush ?? [0])), Math.max(...(brush ?? [0]))];
    const isChosen = (place: number): boolean =>
      brush === undefined ? (places?.[place] ?? 1) === 1 : place >= low && place <= high;
    paint(context, { scale, grid, isChosen });
  }, [scale, grid, places, brush, width]);

  const at = ({ nativeEvent: { offsetX, offsetY } }: MouseEvent): number | undefined => {
    const place = Math.floor(offsetY / grid.cell) * grid.columns + Math.floor(offsetX / grid.cell);
    return place < total ? place : undefined;
  };
  const counts = useMemo(() => {
    const sums = scale.labels.map(() => 0);
    for (const index of scale.indices) sums[index] = (sums[index] ?? 0) + 1;
    return sums;
  }, [scale]);
  const finish = (): void => {
    if (brush === undefined) return;
    const [first, last] = [Math.min(...brush), Math.max(...brush)].map((place) => numbers[place] ?? 0);
    setBrush(undefined);
    if (first === undefined || last === undefined) return;
    if (first === last) onOpen(first);
    else onChoose(`${first}-${last}`);
  };
  return (
    <div ref={ref} data-scheme={scheme}>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Map of ${counted(total, 'instance')} by ${color}: ${scale.labels
          .map((label, index) => `${counts[index]} ${label}`)
          .join(', ')}`}
        width={grid.columns * grid.cell}
        height={rows * grid.cell}
        onMouseDown={(event) => {
          const place = at(event);
          if (place !== undefined) setBrush([place, place]);
        }}
        onMouseMove={(event) => {
          const place = at(event);
          const number = place === undefined ? undefined : numbers[place];
          const index = place === undefined ? undefined : scale.indices[place];
          event.currentTarget.title =
            number === undefined ? '' : `Instance ${number}: ${scale.labels[index ?? 0] ?? ''}`;
          if (brush !== undefined && place !== undefined && place !== brush[1]) setBrush([brush[0], place]);
        }}
        onMouseUp={finish}
        onMouseLeave={finish}
      />
      <Group gap="md" component="ul" p={0} my="xs" style={{ listStyle: 'none' }}>
        {scale.labels.map((label, index) =>
          counts[index] === 0 ? null : (
            <Group key={label} gap={6} component="li">
              <span className="swatch" style={{ background: `rgb(${scale.colors[index]?.join(' ') ?? ''})` }} />
              <Text size="sm">
                {count(counts[index] ?? 0)} {label}
              </Text>
            </Group>
          ),
        )}
      </Group>
    </div>
  );
};
