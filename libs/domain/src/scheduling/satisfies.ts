import type { NodeHardware } from '../node/node.events.js';
import type { HardwareConstraint, TaskSpec } from '../task/task.events.js';
import { HOST_IMAGE, PLACEHOLDER_IMAGE } from '../profile-document/profile-document.js';
import { forcedConstantsOf } from '../profile/effective-constants.js';
import type { OfProfile } from '../profile/profile-of.js';
import { profileAt } from '../profile/profiles.js';
import { hasWaysIn } from '../profile/ways-in.js';
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
  /** Ports of it are to be forwarded. */
  readonly waysIn?: true;
  /** It names an image. */
  readonly image?: true;
  /** It names none, and runs in what its node has. */
  readonly hostPrograms?: true;
  /** It is a slot of a pool. */
  readonly slots?: true;
}

const REPOSITORY = 'DOCKER_REPO';

/** Whether instances run in an image that their task, or its profile, names. */
const namesImage = (spec: OfTask): boolean => {
  const { profile, profileVersion, publishedProfile, constants, table } = spec;
  if (publishedProfile !== undefined) return ![HOST_IMAGE, PLACEHOLDER_IMAGE].includes(publishedProfile.image);
  const own = profileAt(profile, profileVersion)?.constants ?? [];
  return (
    own.some(({ name, value }) => name === REPOSITORY && value !== undefined) ||
    constants.some(({ key }) => key === REPOSITORY) ||
    forcedConstantsOf(spec).some(
      ({ constantName, forcedValue }) => constantName === REPOSITORY && forcedValue !== undefined,
    ) ||
    (table?.columns.includes(REPOSITORY) ?? false)
  );
};

type OfTask = OfProfile & Pick<TaskSpec, 'constants' | 'echo' | 'table'>;

/** What the instances of a task want that not every node can give. */
export const needsOf = (spec: OfTask): InstanceNeeds => {
  const { profile, profileVersion, publishedProfile } = spec;
  return {
    ...((publishedProfile ?? profileAt(profile, profileVersion))?.network === 'outgoing' ? { wayOut: true } : {}),
    ...(hasWaysIn(spec) ? { waysIn: true } : {}),
    ...(namesImage(spec) ? { image: true } : { hostPrograms: true }),
  };
};

/** By the needs that they answer; absent of those that an earlier agent does not have: it has, or tries, all others. */
const FACTS = {
  wayOut: ({ wayOut = true }: NodeHardware): boolean => wayOut,
  waysIn: ({ waysIn = true }: NodeHardware): boolean => waysIn,
  image: ({ images = true }: NodeHardware): boolean => images,
  hostPrograms: ({ hostPrograms = true }: NodeHardware): boolean => hostPrograms,
  slots: ({ slots = false }: NodeHardware): boolean => slots,
} as const satisfies Record<keyof InstanceNeeds, (hardware: NodeHardware) => boolean>;

/** What a node does, for people; as in "no node that fits …". */
const WORDS = {
  wayOut: 'lets instances out to the network, as the profile promises',
  waysIn: 'has ways in, for the ports that the task opens',
  image: 'runs images, and the task names one',
  hostPrograms: 'runs tasks that name no image',
  slots: 'holds slots of pools',
} as const satisfies Record<keyof InstanceNeeds, string>;

const NEEDS = Object.keys(FACTS) as readonly (keyof InstanceNeeds)[];

const lacks = (hardware: NodeHardware, needs: InstanceNeeds): readonly (keyof InstanceNeeds)[] =>
  NEEDS.filter((need) => needs[need] === true && !FACTS[need](hardware));

/** Whether a node has what instances need. */
export const provides = (hardware: NodeHardware, needs: InstanceNeeds = {}): boolean =>
  NEEDS.every((need) => needs[need] !== true || FACTS[need](hardware));

/** What nodes lack of which none has what instances need, for people: what is missing everywhere, else what is missing somewhere. */
export const whatIsMissing = (nodes: readonly NodeHardware[], needs: InstanceNeeds = {}): string => {
  const missing = nodes.map((hardware) => lacks(hardware, needs));
  const everywhere = NEEDS.filter((need) => missing.every((all) => all.includes(need)));
  const named = everywhere.length > 0 ? everywhere : NEEDS.filter((need) => missing.some((all) => all.includes(need)));
  return named.map((need) => WORDS[need]).join(everywhere.length > 0 ? ', none ' : ' and also ');
};

/** Whether instances of a task may run on a node of such hardware at all, if there were room. */
export const mayRunOn = (
  hardware: NodeHardware,
  { constraints, needs }: { readonly constraints: readonly HardwareConstraint[]; readonly needs?: InstanceNeeds },
): boolean => satisfies(hardware, constraints) && provides(hardware, needs);
