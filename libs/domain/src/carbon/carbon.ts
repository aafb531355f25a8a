import type { InstantMs } from '../shared/time.js';

/** What a node draws: all of it while nothing runs, and what each busy core adds, in thousandths of a watt. */
export interface NodePower {
  readonly idleMilliwatts: number;
  readonly coreMilliwatts: number;
}

/** Emissions of a kWh of electricity from an instant on, until the next entry begins; the first one also holds before. */
export interface Intensity {
  readonly from: InstantMs;
  /** Milligrams of CO2 equivalent for a kWh. */
  readonly milligramsPerKwh: number;
}

/** Where computing takes place: a site of nodes, or a datacenter to compare with. */
export interface PowerPlace {
  /** Total energy for each unit of IT energy, in thousandths (power usage effectiveness). */
  readonly milliPue: number;
  /** In the order of their instants; at least one. */
  readonly intensity: readonly Intensity[];
}

export interface PowerSite extends PowerPlace {
  /** How much of the total energy heats something that would be heated anyway, in hundredths of a percent. */
  readonly reusedBasisPoints: number;
  /** What a kWh of that heat would have emitted otherwise. */
  readonly heatMilligramsPerKwh: number;
  /** Water, in milliliters for a kWh of IT energy. */
  readonly wueMilliliters: number;
}

/** A time that something held cores of a node. */
export interface PowerUse {
  readonly from: InstantMs;
  readonly until: InstantMs;
  readonly milliCores: number;
  /** All cores of the node, in thousandths. */
  readonly nodeMilliCores: number;
  readonly power: NodePower;
  readonly site: PowerSite;
}

/** Energy in microjoules (a milliwatt for a millisecond); emissions in micrograms of CO2 equivalent. */
export interface CarbonTotals {
  readonly itEnergy: bigint;
  readonly totalEnergy: bigint;
  readonly reusedEnergy: bigint;
  readonly emitted: bigint;
  /** What the same computing would have emitted in the datacenter that it is compared with. */
  readonly equivalent: bigint;
  /** What the reused heat would have emitted otherwise. */
  readonly savedByHeat: bigint;
  /** Milliliters times microjoules, by IT energy. */
  readonly water: bigint;
}

export const NO_CARBON: CarbonTotals = {
  itEnergy: 0n,
  totalEnergy: 0n,
  reusedEnergy: 0n,
  emitted: 0n,
  equivalent: 0n,
  savedByHeat: 0n,
  water: 0n,
};

const MICROJOULES_PER_KWH = 3_600_000_000_000n;

/** The share of a node's draw that belongs to what holds these cores, in thousandths of a microjoule: its part of the idle draw, and that of its own cores. */
const finestEnergy = ({ milliCores, nodeMilliCores, power }: PowerUse, ms: number): bigint => {
  const all = BigInt(Math.max(nodeMilliCores, milliCores, 1));
  const perCore = BigInt(power.idleMilliwatts) * 1_000_000n + BigInt(power.coreMilliwatts) * 1_000n * all;
  return (BigInt(ms) * BigInt(milliCores) * perCore) / (all * 1_000n);
};

/** Micrograms for energy in thousandths of a microjoule. */
const emissions = (energy: bigint, milliPue: number, milligramsPerKwh: number): bigint =>
  (energy * BigInt(milliPue) * BigInt(milligramsPerKwh)) / (MICROJOULES_PER_KWH * 1_000n);

const intensityAt = ({ intensity }: PowerPlace, at: InstantMs): number =>
  (intensity.findLast(({ from }) => from <= at) ?? intensity[0])?.milligramsPerKwh ?? 0;

/** The pieces of a time in which no intensity changes. */
const pieces = (
  from: InstantMs,
  until: InstantMs,
  places: readonly PowerPlace[],
): readonly (readonly [InstantMs, InstantMs])[] => {
  const borders = places.flatMap(({ intensity }) => intensity.map((entry) => entry.from));
  const cuts = [...new Set(borders)].filter((at) => at > from && at < until).sort((a, b) => a - b);
  const starts = [from, ...cuts];
  return starts.map((start, index) => [start, starts[index + 1] ?? until] as const);
};

/** Energy and emissions of what held cores, beside those of another datacenter. Exact to a microgram a piece, in whole numbers. */
export const carbonOf = (uses: readonly PowerUse[], compared: PowerPlace): CarbonTotals => {
  let [it, total, reused, emitted, equivalent, savedByHeat, water] = [0n, 0n, 0n, 0n, 0n, 0n, 0n];
  for (const use of uses) {
    const { site } = use;
    for (const [from, until] of pieces(use.from, use.until, [site, compared])) {
      const energy = finestEnergy(use, until - from);
      const all = (energy * BigInt(site.milliPue)) / 1_000n;
      const heat = (all * BigInt(site.reusedBasisPoints)) / 10_000n;
      it += energy;
      total += all;
      reused += heat;
      emitted += emissions(energy, site.milliPue, intensityAt(site, from));
      equivalent += emissions(energy, compared.milliPue, intensityAt(compared, from));
      savedByHeat += emissions(heat, 1_000, site.heatMilligramsPerKwh);
      water += energy * BigInt(site.wueMilliliters);
    }
  }
  return {
    itEnergy: it / 1_000n,
    totalEnergy: total / 1_000n,
    reusedEnergy: reused / 1_000n,
    emitted,
    equivalent,
    savedByHeat,
    water: water / 1_000n,
  };
};
