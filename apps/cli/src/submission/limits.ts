import { InvalidArgumentError } from 'commander';

const SIZE_MB: Readonly<Record<string, number>> = { K: 1 / 1024, M: 1, G: 1024, T: 1024 ** 2 };

/** Memory as `4G`, `512M`, or megabytes. @returns megabytes */
export const memoryOf = (text: string): number => {
  const [, count, unit = 'M'] = /^(\d+(?:\.\d+)?)([KMGT])?(?:i?B)?$/i.exec(text.trim()) ?? [];
  const megabytes = Math.ceil(Number(count) * (SIZE_MB[unit.toUpperCase()] ?? Number.NaN));
  if (count === undefined || !(megabytes >= 1)) throw new InvalidArgumentError('must be a size such as 4G or 512M');
  return megabytes;
};

const UNIT_SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** A time as `90s`, `30m`, `2h`, `1d`, `2:00:00` or `1-12:00:00`. @returns seconds */
export const secondsOf = (text: string): number => {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (unit !== undefined) return Number(count) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS];
  const [, days = '0', hours, minutes, seconds] = /^(?:(\d{1,5})-)?(\d{1,5}):([0-5]\d):([0-5]\d)$/.exec(text) ?? [];
  if (hours === undefined) throw new InvalidArgumentError('must be a time such as 30m, 2h or 1-12:00:00');
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
};

/** Which instances there are. */
export interface Wanted {
  /** As the API takes them. */
  readonly ranges: string;
  /** Most that run at once. */
  readonly maxParallel?: number;
}

const MOST_CHARS = 16_384;

/** Instances as batch systems name them: `0-199`, `0-199%20` for twenty at once, `1,3,10-20:5`. */
export const arrayOf = (text: string): Wanted => {
  const [, list = '', most] = /^([\d,:-]+)(?:%(\d{1,6}))?$/.exec(text) ?? [];
  const parts = list.split(',').map((part) => {
    const [, from, to = from, step = '1'] = /^(\d{1,9})(?:-(\d{1,9})(?::(\d{1,9}))?)?$/.exec(part) ?? [];
    if (from === undefined || Number(to) < Number(from) || step === '0' || most === '0')
      throw new InvalidArgumentError('must be instances such as 0-199, 0-199%20 (twenty at once) or 1,3,10-20:5');
    if (step === '1') return from === to ? from : `${Number(from)}-${Number(to)}`;
    const count = Math.floor((Number(to) - Number(from)) / Number(step)) + 1;
    if (count > MOST_CHARS) throw new InvalidArgumentError('names too many instances with a step');
    return Array.from({ length: count }, (_, index) => Number(from) + index * Number(step)).join(',');
  });
  const ranges = parts.join(',');
  if (ranges.length > MOST_CHARS) throw new InvalidArgumentError('names too many instances one by one');
  return { ranges, ...(most === undefined ? {} : { maxParallel: Number(most) }) };
};
