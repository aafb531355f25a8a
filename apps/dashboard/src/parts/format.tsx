import { Text } from '@mantine/core';
import { useEffect, useState, type ReactNode } from 'react';

const short = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const numbers = new Intl.NumberFormat();

export const count = (value: number): string => numbers.format(value);

/** A number of things by their name, which is that of one: '1 core', '1,200 cores'. */
export const counted = (value: number, thing: string): string => `${count(value)} ${thing}${value === 1 ? '' : 's'}`;

const STEPS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Bytes in decimal units, with three digits that matter. */
export const bytes = (value: number): string => {
  const step = Math.min(STEPS.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
  return `${step === 0 ? value : (value / 1000 ** step).toPrecision(3)} ${STEPS[step] ?? ''}`;
};

/** Milliseconds as people say them: 3 s, 4 min 5 s, 2 h 7 min, 3 d 4 h. */
export const duration = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const;
  const from = parts.findIndex(([amount]) => amount > 0);
  if (from < 0) return '0 s';
  return parts
    .slice(from, from + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ');
};

/** Euros from millionths of one: the division is of whole numbers, so that no amount changes on its way to the eye. */
export const euros = (micros: number): string => {
  const sign = micros < 0 ? '-' : '';
  const whole = BigInt(Math.abs(Math.trunc(micros)));
  return `${sign}${whole / 1_000_000n}.${String(whole % 1_000_000n).padStart(6, '0')} €`;
};

/** An instant in the reader's zone, the exact one on hover. */
export const Instant = ({ at }: { readonly at: string | null | undefined }): ReactNode => {
  if (at === null || at === undefined || at.startsWith('0001-')) return '–';
  return (
    <Text component="time" inherit dateTime={at} title={at}>
      {short.format(new Date(at))}
    </Text>
  );
};

/** How long something has taken, or takes until now, counted on while it lasts. */
export const Lasting = ({ from, to }: { readonly from: string; readonly to: string | undefined }): ReactNode => {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (to !== undefined) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [to]);
  return duration((to === undefined ? now : Date.parse(to)) - Date.parse(from));
};
