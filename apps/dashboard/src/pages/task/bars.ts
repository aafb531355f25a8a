import type { Attempt } from '../../known/attempts.ts';

/** What an attempt does at a time. */
export type BarKind = 'waited' | 'starting' | 'running' | 'success' | 'failure' | 'cancelled' | 'storing';

/** A part of an attempt. */
export interface Bar {
  readonly what: BarKind;
  readonly start: number;
  readonly end: number;
}

export const BAR_COLORS: Readonly<Record<BarKind, { readonly light: string; readonly dark: string }>> = {
  waited: { light: '#949ba6', dark: '#949ba6' },
  starting: { light: '#0b9aa8', dark: '#5fd4df' },
  running: { light: '#228be6', dark: '#74b8f5' },
  success: { light: '#2f9e44', dark: '#69db7c' },
  failure: { light: '#e03131', dark: '#ff8787' },
  cancelled: { light: '#e8590c', dark: '#ffa94d' },
  storing: { light: '#6741d9', dark: '#b197fc' },
};

export const BAR_NAMES: Readonly<Record<BarKind, string>> = {
  waited: 'waits for room',
  starting: 'gets its inputs and starts',
  running: 'runs',
  success: 'ran, and succeeded',
  failure: 'ran, and failed',
  cancelled: 'ran, and was ended',
  storing: 'stores its results',
};

const ranAs = (outcome: string | undefined): BarKind => {
  if (outcome === undefined) return 'running';
  return outcome === 'success' || outcome === 'failure' ? outcome : 'cancelled';
};

/** The parts of an attempt, one after the other. @param now until when what is not over is drawn */
export const barsOf = (
  { waitedFrom, sentAt, startedAt, exitedAt, overAt, outcome }: Attempt,
  now: number,
): readonly Bar[] => {
  const end = overAt ?? Math.max(now, sentAt);
  const ran = exitedAt ?? end;
  return [
    ...(waitedFrom === undefined ? [] : [{ what: 'waited', start: waitedFrom, end: sentAt } as const]),
    // What never started ended as it says all the same.
    {
      what: overAt !== undefined && startedAt === undefined ? ranAs(outcome) : 'starting',
      start: sentAt,
      end: startedAt ?? end,
    },
    ...(startedAt === undefined ? [] : [{ what: ranAs(outcome), start: startedAt, end: Math.max(ran, startedAt) }]),
    ...(exitedAt === undefined || overAt === undefined
      ? []
      : [{ what: 'storing', start: exitedAt, end: overAt } as const]),
  ];
};
