import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Hardware } from './hardware.js';

type NodePower = NonNullable<Hardware['power']>;

/** Counters of energy that the kernel keeps (RAPL, Linux powercap). */
const POWERCAP = '/sys/class/powercap';
/** The counters are changed each millisecond; this long makes that one part in five hundred. */
const MEASURE_MS = 500;

interface Package {
  readonly folder: string;
  /** Highest draw that it may have for long, in microwatts. */
  readonly limit: number;
}

const wholeIn = async (file: string): Promise<number> => {
  const value = Number((await readFile(file, 'utf8')).trim());
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${file} holds no number`);
  return value;
};

const packagesIn = async (folder: string): Promise<readonly Package[]> => {
  const zones = (await readdir(folder))
    .filter((name) => /^intel-rapl:\d+$/.test(name))
    .map((name) => join(folder, name));
  const names = await Promise.all(zones.map(async (zone) => (await readFile(join(zone, 'name'), 'utf8')).trim()));
  // Beside the packages stands the whole machine (psys), which has them in it.
  const packages = zones.filter((_, index) => names[index]?.startsWith('package-'));
  return Promise.all(
    packages.map(async (own) => {
      return { folder: own, limit: await wholeIn(join(own, 'constraint_0_power_limit_uw')) };
    }),
  );
};

const energyOf = async (packages: readonly Package[]): Promise<number> => {
  const each = await Promise.all(packages.map((one) => wholeIn(join(one.folder, 'energy_uj'))));
  return each.reduce((sum, energy) => sum + energy, 0);
};

/**
 * What the processors of this machine draw: measured now, when nothing of ours runs yet, and, for its busy cores, what is left up to the limit that it
 * runs at. Undefined where the kernel has no such counters, or does not show them to this user.
 */
export const measurePower = async (cores: number, folder = POWERCAP): Promise<NodePower | undefined> => {
  try {
    const packages = await packagesIn(folder);
    if (packages.length === 0) return undefined;
    const [energy, begun] = [await energyOf(packages), performance.now()];
    await wait(MEASURE_MS);
    const drawn = (await energyOf(packages)) - energy;
    // A counter that began anew meanwhile.
    if (drawn < 0) return undefined;
    const idleMilliwatts = Math.round(drawn / (performance.now() - begun));
    const limit = packages.reduce((sum, one) => sum + one.limit, 0) / 1_000;
    return { idleMilliwatts, coreMilliwatts: Math.max(0, Math.round((limit - idleMilliwatts) / cores)) };
  } catch {
    // not this kernel, or not for this user
    return undefined;
  }
};
