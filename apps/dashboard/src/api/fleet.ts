import { api, bodyOf, Refused } from './client.ts';
import type { Read } from './wire.ts';

type FleetNode = Read<'/fornax/v1/nodes'>[number];

/** A node, and what of it is in use as the scheduler sees it; undefined where that knows nothing of it. */
export type NodeInUse = FleetNode & {
  readonly cores: number;
  readonly memoryMB: number;
  readonly usedCores: number | undefined;
  readonly usedMemoryMB: number | undefined;
};

type Scheduling = Read<'/fornax/v1/scheduling'>;

export const readScheduling = (): Promise<Scheduling> => bodyOf(api.GET('/fornax/v1/scheduling'));

export const readFleet = async (): Promise<readonly NodeInUse[]> => {
  const [nodes, scheduling] = await Promise.all([
    bodyOf(api.GET('/fornax/v1/nodes')),
    readScheduling().catch((error: unknown) => {
      // Only operators see the queue; all others see the nodes.
      if (error instanceof Refused && error.status === 403) return undefined;
      throw error;
    }),
  ]);
  const inUse = new Map(scheduling?.nodes.map((node) => [node.id, node]));
  return nodes.map((node) => {
    const seen = inUse.get(node.id);
    return {
      ...node,
      cores: seen?.cores ?? node.hardware?.cores ?? 0,
      memoryMB: seen?.memoryMB ?? 0,
      usedCores: seen?.usedCores,
      usedMemoryMB: seen?.usedMemoryMB,
    };
  });
};
