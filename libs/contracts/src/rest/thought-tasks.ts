import { SCHEDULING_PLANS } from '@fornax/domain';
import { z } from 'zod';
import { hardwareConstraintSchema } from './hardware-constraint.js';

const count = z.int().min(0);

/** A task that is only thought of: which nodes may run it (`POST /fornax/v1/nodes/search`). */
export const nodeSearchSchema = z.object({
  profile: z.string().min(1).max(256).optional(),
  hardwareConstraints: z.array(hardwareConstraintSchema).max(50).optional(),
});
export type NodeSearch = z.output<typeof nodeSearchSchema>;

export const foundNodesSchema = z.object({
  of: count.describe('Nodes that there are, also those that are away now; without those that were retired.'),
  fit: count.describe('Those of them that meet all constraints and have what the profile needs.'),
  ready: count.describe('Those that fit and take new work now: online, not drained, with room on their disk.'),
  constraints: z
    .array(z.object({ discriminator: z.string(), fit: count }))
    .readonly()
    .describe('For each constraint, in the order of the request: nodes that meet it alone.'),
  hardware: z
    .array(
      z.object({
        specificationKey: z.string(),
        cpuModel: z.string(),
        cores: z.number(),
        ghz: z.number(),
        nodes: z.int().min(1),
      }),
    )
    .readonly()
    .describe('What those that fit are, each kind once.'),
});
export type FoundNodes = z.output<typeof foundNodesSchema>;

const MOST_SECONDS = 366 * 86_400;

/** A task that is only thought of: what it would cost (`POST /fornax/v1/billing/prices/simulate`). */
export const priceSimulationSchema = z.object({
  plan: z.enum(SCHEDULING_PLANS).default('flex'),
  instances: z.int().min(1).max(1_000_000).default(1),
  wallTimeSec: z.number().positive().max(MOST_SECONDS).describe('How long an instance is thought to take.'),
  cores: z.number().positive().max(1_000_000).default(1).describe('Of an instance.'),
  constrained: z.boolean().default(false).describe('It asks for particular hardware.'),
  hardware: z
    .array(z.object({ specificationKey: z.string().max(512), ghz: z.number().min(0).max(1_000) }))
    .min(1)
    .max(1_000)
    .describe('What it may run on: `hardware` of `POST /fornax/v1/nodes/search`.'),
});
export type PriceSimulation = z.output<typeof priceSimulationSchema>;

const range = z.object({ lowMicros: z.int(), highMicros: z.int() });

export const simulatedPriceSchema = z.object({
  priceListVersion: z.int().nullable().describe('Of the list that holds now; null: none does.'),
  currency: z.string(),
  instance: range.nullable().describe('What one instance costs; null: some of the hardware has no price.'),
  task: range.nullable().describe('All instances, if each succeeds at its first attempt, without discounts.'),
  rules: z.array(z.string()).readonly(),
});
export type SimulatedPrice = z.output<typeof simulatedPriceSchema>;
