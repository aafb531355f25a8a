import 'uplot/dist/uPlot.min.css';
import { useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useEffect, useRef, type ReactNode } from 'react';
import UPlot from 'uplot';

export interface Line {
  readonly label: string;
  readonly values: readonly number[];
}

interface SeriesProps {
  /** What it shows, in words: of the drawing itself nothing is read out. */
  readonly label: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  /** A value holds until the next one. */
  readonly isStepped?: boolean;
}

const HEIGHT_PX = 220;
const STROKES = { light: ['#1e40af', '#b45309'], dark: ['#a5b4fc', '#fdba74'] } as const;

/** Values over time, as lines. */
export const Series = ({ label, times, lines, isStepped = false }: SeriesProps): ReactNode => {
  const { ref, width } = useElementSize();
  const place = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light');
  const shape = JSON.stringify([times, lines]);
  useEffect(() => {
    if (place.current === null || width === 0) return undefined;
    const ink = scheme === 'dark' ? '#d5d9df' : '#333b47';
    const axis = { stroke: ink, grid: { stroke: scheme === 'dark' ? '#3b424c' : '#dde1e6' } };
    const stepped = UPlot.paths.stepped?.({ align: 1 });
    const plot = new UPlot(
      {
        width,
        height: HEIGHT_PX,
        axes: [axis, axis],
        series: [
          {},
          ...lines.map((line, at) => ({
            label: line.label,
            stroke: STROKES[scheme][at % 2] ?? ink,
            width: 2,
            ...(isStepped && stepped ? { paths: stepped } : {}),
          })),
        ],
      },
      [[...times], ...lines.map(({ values }) => [...values])],
      place.current,
    );
    return () => plot.destroy();
  }, [shape, width, scheme, isStepped]);
  return (
    <figure ref={ref} aria-label={label} style={{ margin: 0 }}>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
};
