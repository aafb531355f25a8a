import type { HardwareConstraint } from '@fornax/domain';
import { z } from 'zod';
import { plainError } from './plain-errors.js';

const count = z.number().int().positive().max(1_000_000);
const amount = z.number().positive().max(1e9);

/** What each kind of constraint needs besides its name (contract, section 3.11); the one for disks is ours (ADR 0061). */
const KINDS = {
  MinimumCoreHardwareConstraint: z.object({ coreCount: count }),
  MaximumCoreHardwareConstraint: z.object({ coreCount: count }),
  MinimumRamCoreRatioHardwareConstraint: z.object({ minimumMemoryGBCoreRatio: amount }),
  MaximumRamCoreRatioHardwareConstraint: z.object({ maximumMemoryGBCoreRatio: amount }),
  MinimumRamHardwareConstraint: z.object({ minimumMemoryMB: amount }),
  MaximumRamHardwareConstraint: z.object({ maximumMemoryMB: amount }),
  MinimumDiskHardwareConstraint: z.object({ minimumDiskMB: amount }),
  SpecificHardwareConstraint: z.object({ specificationKey: z.string().min(1).max(512) }),
  GpuHardwareConstraint: z.object({}),
  NoGpuHardwareConstraint: z.object({}),
  SSDHardwareConstraint: z.object({}),
  NoSSDHardwareConstraint: z.object({}),
  CpuModelHardwareConstraint: z.object({ cpuModel: z.string().min(1).max(512) }),
} as const satisfies Record<HardwareConstraint['discriminator'], z.ZodType>;

type Kind = keyof typeof KINDS;
const byLowerCase = new Map(Object.keys(KINDS).map((kind) => [kind.toLowerCase(), kind as Kind]));

/** The name is matched in any case and given back exactly (clients compare it by case). Fields of other kinds are dropped. */
export const hardwareConstraintSchema = z
  .object({
    discriminator: z.string(),
    coreCount: z.unknown().optional(),
    minimumMemoryGBCoreRatio: z.unknown().optional(),
    maximumMemoryGBCoreRatio: z.unknown().optional(),
    minimumMemoryMB: z.unknown().optional(),
    maximumMemoryMB: z.unknown().optional(),
    minimumDiskMB: z.unknown().optional(),
    specificationKey: z.unknown().optional(),
    cpuModel: z.unknown().optional(),
  })
  .transform((input, context): HardwareConstraint => {
    const discriminator = byLowerCase.get(input.discriminator.toLowerCase());
    if (!discriminator) {
      context.addIssue({
        code: 'custom',
        path: ['discriminator'],
        message: `Unknown hardware constraint: ${input.discriminator}`,
      });
      return z.NEVER;
    }
    const parsed = KINDS[discriminator].safeParse(input, { error: plainError });
    if (parsed.success) return { discriminator, ...parsed.data } as HardwareConstraint;
    for (const { path, message } of parsed.error.issues) context.addIssue({ code: 'custom', path: [...path], message });
    return z.NEVER;
  });
