/** Amounts as the API writes them, `12.000345`, in whole millionths: they never pass through a fraction. */
export const microsOf = (text: string): bigint => {
  const [, sign = '', whole = '0', part = ''] = /^(-?)(\d+)(?:\.(\d{1,6}))?\d*$/.exec(text) ?? [];
  const micros = BigInt(whole) * 1_000_000n + BigInt(part.padEnd(6, '0'));
  return sign === '-' ? -micros : micros;
};

export const centsToMicros = (cents: number): bigint => BigInt(Math.trunc(cents)) * 10_000n;

const SIGNS: Readonly<Record<string, string>> = { EUR: '€', USD: '$', CHF: 'CHF', GBP: '£' };
const groups = (digits: string): string => digits.replaceAll(/\B(?=(?:\d{3})+$)/g, '\u202f');

/** An amount for people, all of its six decimals or none but the cents. */
export const moneyText = (micros: bigint, currency: string, isExact = true): string => {
  const sign = micros < 0n ? '-' : '';
  const size = micros < 0n ? -micros : micros;
  const shown = isExact ? size : ((size + 5_000n) / 10_000n) * 10_000n;
  const part = String(shown % 1_000_000n).padStart(6, '0');
  return `${sign}${groups(String(shown / 1_000_000n))}.${isExact ? part : part.slice(0, 2)} ${SIGNS[currency] ?? currency}`;
};

const DAY_MS = 86_400_000n;

/** When what is left is used up, if it goes on as it did. @returns undefined where nothing is used */
export const usedUpAt = (left: bigint, burned: bigint, overMs: number, now: number): number | undefined => {
  if (burned <= 0n || left <= 0n) return undefined;
  const ms = (left * BigInt(Math.max(1, Math.round(overMs)))) / burned;
  // Nobody plans for longer than that, and dates end somewhere.
  return ms > 36_500n * DAY_MS ? undefined : now + Number(ms);
};

/** What a part is of a whole, in percent, for a bar. */
export const shareOf = (part: bigint, whole: bigint): number => {
  if (whole <= 0n) return 0;
  const permille = (part * 1_000n) / whole;
  return Number(permille < 0n ? 0n : permille > 1_000n ? 1_000n : permille) / 10;
};
