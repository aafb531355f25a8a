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

/** How long cores were held, of nodes that draw alike, in a time in which no intensity changes. */
export interface PowerUse {
  /** The beginning of that time. */
  readonly from: InstantMs;
  /** Thousandths of a core, each as often as for milliseconds it was held. */
  readonly milliCoreMs: bigint;
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

/** The share of a node's draw that belongs to what holds its cores, in thousandths of a microjoule: its part of the idle draw, and that of its own cores. */
const finestEnergy = ({ milliCoreMs, nodeMilliCores, power }: PowerUse): bigint => {
  const all = BigInt(Math.max(nodeMilliCores, 1));
  const perCore = BigInt(power.idleMilliwatts) * 1_000_000n + BigInt(power.coreMilliwatts) * 1_000n * all;
  return (milliCoreMs * perCore) / (all * 1_000n);
};

/** Micrograms for energy in thousandths of a microjoule. */
const emissions = (energy: bigint, milliPue: number, milligramsPerKwh: number): bigint =>
  (energy * BigInt(milliPue) * BigInt(milligramsPerKwh)) / (MICROJOULES_PER_KWH * 1_000n);

const intensityAt = ({ intensity }: PowerPlace, at: InstantMs): number =>
  (intensity.findLast(({ from }) => from <= at) ?? intensity[0])?.milligramsPerKwh ?? 0;

/** A time from an instant until before another one. */
export interface Piece {
  readonly from: InstantMs;
  readonly until: InstantMs;
}

/** All of time, cut where an intensity of these places changes: in order, without gaps. */
export const steadyPieces = (places: readonly PowerPlace[]): readonly Piece[] => {
  const borders = places.flatMap(({ intensity }) => intensity.map(({ from }) => from));
  const starts = [Number.MIN_SAFE_INTEGER, ...[...new Set(borders)].sort((a, b) => a - b)];
  return starts.map((from, index) => ({ from, until: starts[index + 1] ?? Number.MAX_SAFE_INTEGER }));
};

/** Energy and emissions of what held cores, beside those of another datacenter. Exact to a microgram for each of them, in whole numbers. */
export const carbonOf = (uses: readonly PowerUse[], compared: PowerPlace): CarbonTotals => {
  let [it, total, reused, emitted, equivalent, savedByHeat, water] = [0n, 0n, 0n, 0n, 0n, 0n, 0n];
  for (const use of uses) {
    const { from, site } = use;
    const energy = finestEnergy(use);
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
