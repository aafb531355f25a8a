import type { FoundNodes } from '@fornax/contracts';
import {
  mayRunOn,
  satisfies,
  takesWork,
  type HardwareConstraint,
  type InstanceNeeds,
  type NodeState,
} from '@fornax/domain';

/** Which of the nodes that there are may run instances that ask for this hardware, and what these are. */
export const foundNodes = (
  nodes: readonly NodeState[],
  constraints: readonly HardwareConstraint[],
  needs: InstanceNeeds = {},
): FoundNodes => {
  const there = nodes.filter(({ status }) => status !== 'retired' && status !== 'unknown');
  const fit = there.filter(({ hardware }) => mayRunOn(hardware, { constraints, needs }));
  const kinds = new Map<string, FoundNodes['hardware'][number]>();
  for (const { hardware } of fit) {
    const { specificationKey, cpuModel, cores, ghz } = hardware;
    const key = JSON.stringify([specificationKey, cpuModel, cores, ghz]);
    kinds.set(key, { specificationKey, cpuModel, cores, ghz, nodes: (kinds.get(key)?.nodes ?? 0) + 1 });
  }
  return {
    of: there.length,
    fit: fit.length,
    ready: fit.filter(takesWork).length,
    constraints: constraints.map((constraint) => ({
      discriminator: constraint.discriminator,
      fit: there.filter(({ hardware }) => satisfies(hardware, [constraint])).length,
    })),
    hardware: [...kinds.values()],
  };
};
