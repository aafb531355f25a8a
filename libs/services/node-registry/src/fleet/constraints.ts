import type { HardwareConstraint, NodeHardware } from '@fornax/domain';

export type CpuModelConstraint = Extract<HardwareConstraint, { readonly discriminator: 'CpuModelHardwareConstraint' }>;

const distinct = <T extends string | number>(values: readonly T[]): readonly T[] =>
  [...new Set(values)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));

const gigabytesPerCore = ({ memoryMB, cores }: NodeHardware): number => memoryMB / 1024 / cores;
/** Two decimals, in the direction in which the hardware still meets the constraint. */
const downTo2 = (value: number): number => Math.floor(value * 100) / 100;
const upTo2 = (value: number): number => Math.ceil(value * 100) / 100;

/** Every constraint that some node of the fleet meets and that tells nodes apart (contract, section 3.11), in a stable order. */
export const constraintsOf = (fleet: readonly NodeHardware[]): readonly HardwareConstraint[] => {
  const cores = distinct(fleet.map((node) => node.cores));
  const memory = distinct(fleet.map((node) => node.memoryMB));
  return [
    ...cores.map((coreCount): HardwareConstraint => ({ discriminator: 'MinimumCoreHardwareConstraint', coreCount })),
    ...cores.map((coreCount): HardwareConstraint => ({ discriminator: 'MaximumCoreHardwareConstraint', coreCount })),
    ...distinct(fleet.map((node) => downTo2(gigabytesPerCore(node)))).map((ratio): HardwareConstraint => ({
      discriminator: 'MinimumRamCoreRatioHardwareConstraint',
      minimumMemoryGBCoreRatio: ratio,
    })),
    ...distinct(fleet.map((node) => upTo2(gigabytesPerCore(node)))).map((ratio): HardwareConstraint => ({
      discriminator: 'MaximumRamCoreRatioHardwareConstraint',
      maximumMemoryGBCoreRatio: ratio,
    })),
    ...memory.map((megabytes): HardwareConstraint => ({
      discriminator: 'MinimumRamHardwareConstraint',
      minimumMemoryMB: megabytes,
    })),
    ...memory.map((megabytes): HardwareConstraint => ({
      discriminator: 'MaximumRamHardwareConstraint',
      maximumMemoryMB: megabytes,
    })),
    ...distinct(fleet.map((node) => node.specificationKey)).map((specificationKey): HardwareConstraint => ({
      discriminator: 'SpecificHardwareConstraint',
      specificationKey,
    })),
    ...(fleet.some((node) => node.gpus > 0) ? [{ discriminator: 'GpuHardwareConstraint' } as const] : []),
    ...(fleet.some((node) => node.gpus === 0) ? [{ discriminator: 'NoGpuHardwareConstraint' } as const] : []),
    ...(fleet.some((node) => node.ssd) ? [{ discriminator: 'SSDHardwareConstraint' } as const] : []),
    ...(fleet.some((node) => !node.ssd) ? [{ discriminator: 'NoSSDHardwareConstraint' } as const] : []),
    ...cpuModels(fleet),
  ];
};

const cpuModels = (fleet: readonly NodeHardware[]): readonly CpuModelConstraint[] =>
  distinct(fleet.map((node) => node.cpuModel)).map((cpuModel) => ({
    discriminator: 'CpuModelHardwareConstraint',
    cpuModel,
  }));

/** How well a model answers a search: 0 the same, 1 begins with it, 2 contains it, 3 contains all its words; undefined not at all. */
const relevance = (model: string, text: string): number | undefined => {
  const [name, wanted] = [model.toLowerCase(), text.trim().toLowerCase()];
  if (name === wanted) return 0;
  if (name.startsWith(wanted)) return 1;
  if (name.includes(wanted)) return 2;
  return wanted.split(/\s+/).every((word) => name.includes(word)) ? 3 : undefined;
};

/** CPU models that match a text, the best match first. */
export const searchCpuModels = (fleet: readonly NodeHardware[], text: string): readonly CpuModelConstraint[] =>
  cpuModels(fleet)
    .flatMap((constraint) => {
      const rank = relevance(constraint.cpuModel, text);
      return rank === undefined ? [] : [{ constraint, rank }];
    })
    .sort((a, b) => a.rank - b.rank)
    .map(({ constraint }) => constraint);
