import type { NodeHardware } from '../node/node.events.js';
import type { HardwareConstraint } from '../task/task.events.js';
import type { OfProfile } from '../profile/profile-of.js';
import { profileAt } from '../profile/profiles.js';
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
    case 'MinimumDiskHardwareConstraint':
      // A node that does not say is an earlier agent, which would not know of the larger bound either.
      return (hardware.diskMB ?? 0) >= constraint.minimumDiskMB;
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

/** What an instance must find on its node besides cores, memory and what its task's constraints say. */
export interface InstanceNeeds {
  /** It is to get out to the network. */
  readonly wayOut?: true;
  /** It is a slot of a pool. */
  readonly slots?: true;
}

/** What a task's profile promises to its instances that not every node can give. */
export const needsOf = ({ profile, profileVersion, publishedProfile }: OfProfile): InstanceNeeds =>
  (publishedProfile ?? profileAt(profile, profileVersion))?.network === 'outgoing' ? { wayOut: true } : {};

/**
 * Whether a node has what instances need. Of a way out it says nothing: it is taken to have it, an earlier agent, which tries. Of slots it says nothing:
 * it has none, an earlier agent would run a slot as an instance.
 */
export const provides = ({ wayOut = true, slots = false }: NodeHardware, needs: InstanceNeeds = {}): boolean =>
  (wayOut || needs.wayOut !== true) && (slots || needs.slots !== true);

/** Whether instances of a task may run on a node of such hardware at all, if there were room. */
export const mayRunOn = (
  hardware: NodeHardware,
  { constraints, needs }: { readonly constraints: readonly HardwareConstraint[]; readonly needs?: InstanceNeeds },
): boolean => satisfies(hardware, constraints) && provides(hardware, needs);
