import { useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import type { Attempt, Lane } from '../../known/attempts.ts';
import { duration } from '../../parts/format.tsx';
import { BAR_COLORS, barsOf, type Bar } from './bars.ts';

const LANE_PX = 18;
const AXIS_PX = 22;
const LABEL_PX = 110;
const MOST_HEIGHT_PX = 440;
const TICKS = 5;

interface Look {
  readonly lanes: readonly Lane[];
  readonly from: number;
  readonly until: number;
  readonly width: number;
  readonly height: number;
  readonly top: number;
  readonly marked: number | undefined;
  readonly ink: string;
  readonly scheme: 'light' | 'dark';
}

/** Draws the rows that are in sight, and no other: so thousands cost what a few do. */
const paint = (context: CanvasRenderingContext2D, look: Look): void => {
  const { lanes, from, until, width, height, top, marked, ink, scheme } = look;
  const scale = (width - LABEL_PX) / Math.max(1, until - from);
  const x = (at: number): number => LABEL_PX + (at - from) * scale;
  context.clearRect(0, 0, width, height);
  context.font = '12px sans-serif';
  context.textBaseline = 'middle';
  context.fillStyle = ink;
  context.strokeStyle = ink;
  for (let tick = 0; tick < TICKS; tick += 1) {
    const at = from + ((until - from) * tick) / TICKS;
    context.globalAlpha = 0.25;
    context.fillRect(Math.round(x(at)), AXIS_PX - 4, 1, height);
    context.globalAlpha = 1;
    context.fillText(duration(at - from), x(at) + 3, AXIS_PX / 2);
  }
  context.save();
  context.beginPath();
  context.rect(0, AXIS_PX, width, height - AXIS_PX);
  context.clip();
  const first = Math.floor(top / LANE_PX);
  const last = Math.min(lanes.length, Math.ceil((top + height - AXIS_PX) / LANE_PX));
  for (let place = first; place < last; place += 1) {
    const lane = lanes[place];
    const y = AXIS_PX + place * LANE_PX - top;
    if (lane === undefined) continue;
    context.fillStyle = ink;
    if (place === marked) context.strokeRect(0.5, y + 0.5, width - 1, LANE_PX - 1);
    context.fillText(lane.label, 6, y + LANE_PX / 2, LABEL_PX - 12);
    for (const { what, start, end } of lane.attempts.flatMap((one) => barsOf(one, until)))
      drawBar(context, { what, start: x(start), end: x(end) }, y, scheme);
  }
  context.restore();
};

const drawBar = (
  context: CanvasRenderingContext2D,
  { what, start, end }: Bar,
  y: number,
  scheme: Look['scheme'],
): void => {
  const isThin = what === 'waited';
  context.fillStyle = BAR_COLORS[what][scheme];
  context.fillRect(start, y + (isThin ? 8 : 4), Math.max(1, end - start), isThin ? 2 : LANE_PX - 8);
};

interface GanttProps {
  readonly lanes: readonly Lane[];
  /** Milliseconds: what of the time is shown. */
  readonly from: number;
  readonly until: number;
  readonly label: string;
  /** The row that is pointed at, or reached with the arrow keys. */
  readonly onMark: (attempts: readonly Attempt[]) => void;
  readonly onOpen: (instance: number) => void;
}

/** Attempts over time, a row for each lane. The table beside it says the same in words. */
export const Gantt = ({ lanes, from, until, label, onMark, onOpen }: GanttProps): ReactNode => {
  const { ref, width } = useElementSize();
  const canvas = useRef<HTMLCanvasElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light');
  const [top, setTop] = useState(0);
  const [marked, setMarked] = useState<number>();
  const height = Math.min(MOST_HEIGHT_PX, AXIS_PX + lanes.length * LANE_PX + 4);
  const size = useMemo(() => Math.max(1, Math.floor(width)), [width]);

  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (!context || width === 0) return;
    const ink = scheme === 'dark' ? '#d5d9df' : '#333b47';
    paint(context, { lanes, from, until, width: size, height, top, marked, ink, scheme });
  }, [lanes, from, until, width, size, height, top, marked, scheme]);

  const mark = (lane: number): void => {
    if (lane === marked) return;
    setMarked(lane);
    onMark(lanes[lane]?.attempts ?? []);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20 };
    const step = steps[event.key];
    if (event.key === 'Enter') {
      const chosen = lanes[marked ?? -1]?.attempts.at(-1);
      if (chosen !== undefined) onOpen(chosen.instance);
    }
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(lanes.length - 1, (marked ?? -1) + step));
    mark(next);
    const seen = place.current;
    if (seen === null) return;
    const y = next * LANE_PX;
    const room = height - AXIS_PX - LANE_PX;
    if (y < seen.scrollTop) seen.scrollTop = y;
    else if (y > seen.scrollTop + room) seen.scrollTop = y - room;
  };
  const laneAt = (y: number): number | undefined => {
    const lane = Math.floor((y - AXIS_PX + top) / LANE_PX);
    return y > AXIS_PX && lane >= 0 && lane < lanes.length ? lane : undefined;
  };
  return (
    <div
      ref={place}
      className="gantt"
      style={{ height }}
      tabIndex={0}
      role="group"
      aria-label="Attempts over time: arrow keys go from row to row, Enter opens the output"
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown={onKeyDown}
    >
      <div ref={ref} style={{ height: AXIS_PX + lanes.length * LANE_PX + 4 }}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={label}
          className="gantt-canvas"
          width={size}
          height={height}
          onMouseMove={({ nativeEvent }) => {
            const lane = laneAt(nativeEvent.offsetY);
            if (lane !== undefined) mark(lane);
          }}
          onClick={({ nativeEvent }) => {
            const chosen = lanes[laneAt(nativeEvent.offsetY) ?? -1]?.attempts.at(-1);
            if (chosen !== undefined) onOpen(chosen.instance);
          }}
        />
      </div>
    </div>
  );
};
