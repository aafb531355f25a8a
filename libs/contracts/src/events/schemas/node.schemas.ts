import { z } from 'zod';
import { count, instant } from './scalars.js';

const nodeHardware = z.object({
  specificationKey: z.string(),
  cpuModel: z.string(),
  cores: z.number(),
  memoryMB: z.number(),
  ghz: z.number(),
  ssd: z.boolean(),
  gpus: z.number(),
  wayOut: z.boolean().exactOptional(),
  waysIn: z.boolean().exactOptional(),
  images: z.boolean().exactOptional(),
  hostPrograms: z.boolean().exactOptional(),
  slots: z.boolean().exactOptional(),
  diskMB: z.number().exactOptional(),
  power: z.object({ idleMilliwatts: count, coreMilliwatts: count }).exactOptional(),
  site: z.string().exactOptional(),
});

const aboutNode = { nodeId: z.string(), at: instant };

export const nodeEvents = {
  NodeJoined: {
    version: 1,
    aggregate: 'node',
    schema: z.object({
      ...aboutNode,
      epoch: count,
      bootId: z.string(),
      hardware: nodeHardware,
      driver: z.string(),
      warnings: z.array(z.string()),
      leasesAhead: count.exactOptional(),
    }),
  },
  NodeLost: {
    version: 1,
    aggregate: 'node',
    schema: z.object({
      ...aboutNode,
      epoch: count,
      cause: z.enum(['heartbeat', 'rejoined', 'left', 'revoked']),
      heardAt: instant.exactOptional(),
    }),
  },
  NodeDrained: { version: 1, aggregate: 'node', schema: z.object(aboutNode) },
  NodeResumed: { version: 1, aggregate: 'node', schema: z.object(aboutNode) },
  NodeDiskFilled: { version: 1, aggregate: 'node', schema: z.object({ ...aboutNode, epoch: count }) },
  NodeDiskFreed: { version: 1, aggregate: 'node', schema: z.object({ ...aboutNode, epoch: count }) },
  NodeRetired: { version: 1, aggregate: 'node', schema: z.object(aboutNode) },
  NodeCredentialIssued: {
    version: 1,
    aggregate: 'node',
    schema: z.object({ ...aboutNode, publicKey: z.string(), tokenId: z.string().nullable() }),
  },
  NodeCredentialRotated: { version: 1, aggregate: 'node', schema: z.object({ ...aboutNode, publicKey: z.string() }) },
  NodeRotationRequested: { version: 1, aggregate: 'node', schema: z.object(aboutNode) },
  NodeCredentialsRevoked: { version: 1, aggregate: 'node', schema: z.object(aboutNode) },
  NodeTokenCreated: {
    version: 1,
    aggregate: 'node-token',
    schema: z.object({
      tokenId: z.string(),
      hash: z.string(),
      nodeId: z.string().nullable(),
      reason: z.string(),
      expiresAt: instant,
      at: instant,
    }),
  },
  NodeTokenUsed: {
    version: 1,
    aggregate: 'node-token',
    schema: z.object({ tokenId: z.string(), nodeId: z.string(), publicKey: z.string(), at: instant }),
  },
  NodeTokenRevoked: { version: 1, aggregate: 'node-token', schema: z.object({ tokenId: z.string(), at: instant }) },
} as const;
