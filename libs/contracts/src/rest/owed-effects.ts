import { z } from 'zod';

/** What the log says about objects and the object store has not done yet, oldest first. */
export const owedEffectsSchema = z
  .object({
    id: z.string(),
    sequence: z.int().min(1).describe('Of the commit that says so.'),
    kind: z
      .enum(['create', 'delete', 'expire', 'publish', 'drop'])
      .describe(
        'A bucket is made or emptied; old objects are deleted; staged results of leases are published or dropped.',
      ),
    scope: z.string().describe('`bucket/<name>`, `expiry/<bucket>` or `task/<id>`: what its order matters to.'),
    failures: z.int().min(0).describe('How often it failed by itself.'),
    reason: z.string().nullable().describe('Why it failed last.'),
  })
  .array();

export type OwedEffects = Readonly<z.output<typeof owedEffectsSchema>>;
