import { problemWithSecretValue } from '@fornax/domain';
import { z } from 'zod';

export const valueSchema = z.object({
  value: z.string().superRefine((value, issues) => {
    const message = problemWithSecretValue(value);
    if (message !== undefined) issues.addIssue({ code: 'custom', message });
  }),
});
export type ValueBody = z.output<typeof valueSchema>;

export const shownValueSchema = z.object({ value: z.string() });

export const versionSchema = z.object({ version: z.number().int().positive() });
export type VersionBody = z.output<typeof versionSchema>;

export const versionQuerySchema = z.object({
  version: z.coerce.number().int().positive().max(2_147_483_647).optional(),
});
