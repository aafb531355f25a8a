/**
 * An amount of money without any rounding: a whole number of parts, of which so many make one nano-unit of the currency. Prices are micro-units
 * for an hour of a GHz and a core, usage is milliseconds, thousandths of a core and of a GHz, discounts are hundredths of a percent: whatever is
 * multiplied of these is a whole number of parts. So amounts add up exactly, in any order, and are rounded where somebody reads them.
 */
export type ExactAmount = bigint;

const MS_PER_HOUR = 3_600_000n;
/** Of a percent, in the whole. */
export const BASIS_POINTS = 10_000n;
export const PARTS_PER_NANO = MS_PER_HOUR * 1_000n * BASIS_POINTS;
export const PARTS_PER_MICRO = PARTS_PER_NANO * 1_000n;

/** Price of work or of time on hardware: `micros` for an hour of `milliCores`/1000 cores at `milliGhz`/1000 GHz, over `ms`. */
export const priceOf = (micros: number, milliCores: number, milliGhz: number, ms: number): ExactAmount =>
  BigInt(micros) * BigInt(milliCores) * BigInt(milliGhz) * BigInt(ms) * BASIS_POINTS;

export const ofMicros = (micros: number): ExactAmount => BigInt(micros) * PARTS_PER_MICRO;

const floorDiv = (dividend: bigint, divisor: bigint): bigint => {
  const quotient = dividend / divisor;
  return dividend < 0n && quotient * divisor !== dividend ? quotient - 1n : quotient;
};

/** Whole units of `unit` parts, half of one up. */
export const rounded = (amount: ExactAmount, unit: bigint): bigint => floorDiv(2n * amount + unit, 2n * unit);

/** An amount as the ledger keeps it: whole nano-units, and what is left in parts, less than one of these. */
export interface SplitAmount {
  readonly nanos: bigint;
  readonly rest: bigint;
}
export const split = (amount: ExactAmount): SplitAmount => {
  const nanos = floorDiv(amount, PARTS_PER_NANO);
  return { nanos, rest: amount - nanos * PARTS_PER_NANO };
};
export const joined = ({ nanos, rest }: SplitAmount): ExactAmount => nanos * PARTS_PER_NANO + rest;

/**
 * Rounds amounts to whole units such that they sum to their total, which alone is rounded (largest remainder): each gets what it has in whole units, and
 * those with the largest rests one more, until the total is reached. Of equal rests the earlier one is first.
 */
export const apportion = (amounts: readonly ExactAmount[], unit: bigint): readonly bigint[] => {
  const total = rounded(
    amounts.reduce((sum, amount) => sum + amount, 0n),
    unit,
  );
  const whole = amounts.map((amount) => floorDiv(amount, unit));
  const missing = Number(total - whole.reduce((sum, units) => sum + units, 0n));
  const restOf = (index: number): bigint => (amounts[index] ?? 0n) - (whole[index] ?? 0n) * unit;
  const byRest = amounts
    .map((_amount, index) => index)
    .sort((a, b) => (restOf(a) === restOf(b) ? a - b : restOf(a) > restOf(b) ? -1 : 1));
  const more = new Set(byRest.slice(0, missing));
  return whole.map((units, index) => units + (more.has(index) ? 1n : 0n));
};
