import type { NodeHardware } from '../node/node.events.js';
import type { HardwareConstraint } from '../task/task.events.js';
import { assertNever } from '../shared/decider.js';

const contains = (text: string, part: string): boolean => text.toLowerCase().includes(part.toLowerCase());
const gigabytesPerCore = ({ memoryMB, cores }: NodeHardware): number => memoryMB / 1024 / cores;

const meets = (hardware: NodeHardware, constraint: HardwareConstraint): boolean => {
  switch (constraint.discriminator) {
    case 'MinimumCoreHardwareConstraint':
      return hardware.cores >= constraint.coreCount;
    case 'MaximumCoreHardwareConstraint':
      return hardware.cores <= constraint.coreCount;
    case 'MinimumRamCoreRatioHardwareConstraint':
      return gigabytesPerCore(hardware) >= constraint.minimumMemoryGBCoreRatio;
    case 'MaximumRamCoreRatioHardwareConstraint':
      return gigabytesPerCore(hardware) <= constraint.maximumMemoryGBCoreRatio;
    case 'MinimumRamHardwareConstraint':
      return hardware.memoryMB >= constraint.minimumMemoryMB;
    case 'MaximumRamHardwareConstraint':
      return hardware.memoryMB <= constraint.maximumMemoryMB;
    case 'SpecificHardwareConstraint':
      return contains(hardware.specificationKey, constraint.specificationKey);
    case 'GpuHardwareConstraint':
      return hardware.gpus > 0;
    case 'NoGpuHardwareConstraint':
      return hardware.gpus === 0;
    case 'SSDHardwareConstraint':
      return hardware.ssd;
    case 'NoSSDHardwareConstraint':
      return !hardware.ssd;
    case 'CpuModelHardwareConstraint':
      return contains(hardware.cpuModel, constraint.cpuModel);
    default:
      return assertNever(constraint);
  }
};

/** Whether hardware meets every constraint (contract, section 3.11). A gigabyte is 1,024 MB; names match in any case, as parts. */
export const satisfies = (hardware: NodeHardware, constraints: readonly HardwareConstraint[]): boolean =>
  constraints.every((constraint) => meets(hardware, constraint));
