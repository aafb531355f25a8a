import { z } from 'zod';
import { count, instant } from './scalars.js';

const constant = {
  name: z.string(),
  type: z.enum(['string', 'integer', 'boolean', 'pattern']).exactOptional(),
  value: z.string().exactOptional(),
  allowed: z.array(z.string()).exactOptional(),
  pattern: z.string().exactOptional(),
  min: z.number().exactOptional(),
  max: z.number().exactOptional(),
  isReadOnly: z.literal(true).exactOptional(),
  description: z.string().exactOptional(),
};

const run = {
  image: z.string(),
  command: z.string().exactOptional(),
  script: z.string().exactOptional(),
  constants: z.array(z.object(constant)),
  network: z.enum(['none', 'outgoing']),
  ports: z.array(z.object({ port: count, kind: z.enum(['tcp', 'http', 'ssh', 'vnc']) })).exactOptional(),
  limits: z
    .object({
      cores: z.number().exactOptional(),
      memoryMB: z.number().exactOptional(),
      wallSeconds: z.number().exactOptional(),
    })
    .exactOptional(),
};

const ids = z.array(z.string()).exactOptional();

/** The version of a published profile that a task or a pool was submitted with. */
export const taskProfile = z.object({ owner: z.string(), ...run });

export const profileEvents = {
  ProfilePublished: {
    version: 1,
    aggregate: 'profile',
    schema: z.object({
      owner: z.string(),
      version: count,
      document: z.object({
        name: z.string(),
        description: z.string(),
        audience: z.object({ organizations: ids, projects: ids, users: ids }).exactOptional(),
        ...run,
      }),
      at: instant,
    }),
  },
  ProfileRetired: {
    version: 1,
    aggregate: 'profile',
    schema: z.object({ owner: z.string(), name: z.string(), version: count, at: instant }),
  },
} as const;
