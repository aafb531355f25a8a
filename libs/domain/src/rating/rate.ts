import type { PriceList } from '../pricing/pricing.events.js';
import type { AttemptEnd, SchedulingPlan } from '../task/task.events.js';

/** What the bill needs to know of a task. */
export interface RatingTerms {
  readonly plan: SchedulingPlan;
  /** The user asked for particular hardware, and pays for that hardware. */
  readonly constrained: boolean;
}

export interface Rating {
  /** Integer micro-units of the price list's currency, never negative. */
  readonly amountMicros: number;
  /** Which rule of the price list gave the amount, e.g. `work/flex` or `hardware/flex/epyc`; `free/<why>` when nothing is owed. */
  readonly rule: string;
  readonly billedMs: number;
}

const HOUR_MS = 3_600_000n;
const free = (why: string): Rating => ({ amountMicros: 0, rule: `free/${why}`, billedMs: 0 });

/** Thousandths, so that GHz and fractions of cores enter exact integer arithmetic. */
const milli = (value: number): bigint => BigInt(Math.max(0, Math.round(value * 1_000)));

/** Half up; both arguments non-negative. */
const divideRounded = (dividend: bigint, divisor: bigint): number => Number((2n * dividend + divisor) / (2n * divisor));

const matching = (list: PriceList, specificationKey: string) => {
  const key = specificationKey.toLowerCase();
  return list.hardware.find(({ match }) => key.includes(match.toLowerCase()));
};

/**
 * The price of one attempt (architecture, section 7). Without hardware constraints it is the price of the work done,
 * GHz x cores x time, so that a faster node costs about the same; with constraints it is the price of that hardware, cores x time.
 * Nobody pays for what the platform broke or took back, nor for a command that never started.
 */
export const rate = (end: AttemptEnd, terms: RatingTerms, list: PriceList): Rating => {
  if (end.cause === 'platform' || end.cause === 'node-lost' || end.cause === 'preempted') return free(end.cause);
  if (end.startedAt === undefined) return free('not-started');

  const billedMs = Math.max(0, Math.round(end.endedAt - end.startedAt));
  const coreTime = BigInt(billedMs) * milli(end.cores);
  const { plan } = terms;
  const entry = terms.constrained ? matching(list, end.hardware.specificationKey) : undefined;
  if (entry) {
    const amount = divideRounded(BigInt(entry.microsPerCoreHour[plan]) * coreTime, HOUR_MS * 1_000n);
    return { amountMicros: amount, rule: `hardware/${plan}/${entry.match === '' ? 'any' : entry.match}`, billedMs };
  }
  const work = coreTime * milli(end.hardware.ghz);
  const amount = divideRounded(BigInt(list.workMicrosPerGhzCoreHour[plan]) * work, HOUR_MS * 1_000_000n);
  return { amountMicros: amount, rule: `work/${plan}`, billedMs };
};

/** In force until an operator publishes another: EUR 0.004 for a GHz·core·hour of Flex, dearer the sooner it has to run. */
export const defaultPriceList: PriceList = {
  version: 1,
  currency: 'EUR',
  workMicrosPerGhzCoreHour: { flex: 4_000, onDemand: 7_000, reserved: 6_000 },
  hardware: [
    { match: 'epyc', microsPerCoreHour: { flex: 14_000, onDemand: 25_000, reserved: 21_000 } },
    { match: 'xeon', microsPerCoreHour: { flex: 11_000, onDemand: 20_000, reserved: 17_000 } },
    { match: '', microsPerCoreHour: { flex: 12_000, onDemand: 21_000, reserved: 18_000 } },
  ],
};
