import { readFile, readdir, stat } from 'node:fs/promises';
import { availableParallelism, cpus, totalmem } from 'node:os';

import type { JoinRequest } from '@fornax/contracts';

export type Hardware = JoinRequest['hardware'];

const FAMILIES: readonly (readonly [RegExp, string])[] = [
  [/epyc/i, 'amd-epyc'],
  [/threadripper/i, 'amd-tr'],
  [/ryzen/i, 'amd-rz'],
  [/xeon/i, 'intel-xeon'],
  [/core.*i(\d)/i, 'intel-core'],
  [/neoverse|graviton|ampere|altra|arm|cortex/i, 'arm'],
  [/intel/i, 'intel'],
  [/amd/i, 'amd'],
];

/** Key of a kind of node, such as `2c-24g-intel-xeon-ssd`: nodes with the same key are alike to the scheduler and on the bill. */
export const specificationKeyOf = (facts: {
  cores: number;
  memoryMB: number;
  cpuModel: string;
  ssd: boolean;
}): string => {
  const family = FAMILIES.find(([pattern]) => pattern.test(facts.cpuModel))?.[1] ?? 'cpu';
  const memoryGB = Math.max(1, Math.round(facts.memoryMB / 1024));
  return [`${facts.cores}c`, `${memoryGB}g`, family, ...(facts.ssd ? ['ssd'] : [])].join('-');
};

/** GHz out of /proc/cpuinfo: the nominal one in the model name if it says so, else the highest seen now. */
export const ghzOf = (cpuinfo: string, fallbackMHz: number): number => {
  const nominal = /@\s*([\d.]+)\s*GHz/i.exec(cpuinfo)?.[1];
  if (nominal !== undefined) return Number(nominal);
  const mhz = [...cpuinfo.matchAll(/^cpu MHz\s*:\s*([\d.]+)/gm)].map((match) => Number(match[1]));
  const highest = Math.max(fallbackMHz, ...mhz);
  // Virtual and ARM machines may tell nothing; work is then counted as on an ordinary core.
  return highest > 0 ? Math.round(highest / 100) / 10 : 2.5;
};

/** Whether the disk under `folder` has no spinning parts, as the kernel tells; unknown devices (overlay, network) count as not. */
const isOnSsd = async (folder: string): Promise<boolean> => {
  try {
    const { dev } = await stat(folder);
    const [major, minor] = [Math.floor(dev / 256), dev % 256];
    for (const disk of await readdir('/sys/block')) {
      const numbers = [
        `/sys/block/${disk}/dev`,
        ...(await readdir(`/sys/block/${disk}`)).map((part) => `/sys/block/${disk}/${part}/dev`),
      ];
      for (const file of numbers) {
        const text = await readFile(file, 'utf8').catch(() => '');
        if (text.trim() === `${major}:${minor}`) {
          return (await readFile(`/sys/block/${disk}/queue/rotational`, 'utf8')).trim() === '0';
        }
      }
    }
  } catch {
    // no such tree in this container
  }
  return false;
};

/** What this machine offers. Zero for cores or memory means: all there is; no clock speed: what it says of itself. */
export const probeHardware = async (
  workDir: string,
  offered: { readonly cores: number; readonly memoryMB: number; readonly ghz?: number | undefined },
): Promise<Hardware> => {
  const cpuinfo = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const [first] = cpus();
  const cores = offered.cores || availableParallelism();
  const memoryMB = offered.memoryMB || Math.floor(totalmem() / 1_048_576);
  const cpuModel = first?.model.trim() || 'unknown';
  const ssd = await isOnSsd(workDir);
  return {
    specificationKey: specificationKeyOf({ cores, memoryMB, cpuModel, ssd }),
    cpuModel,
    cores,
    memoryMB,
    ghz: offered.ghz ?? ghzOf(cpuinfo, first?.speed ?? 0),
    ssd,
    gpus: 0,
  };
};
