import { z } from 'zod';

/** How far what is sealed has come to the newest master key. */
export const keyStandSchema = z.object({
  /** Of the master key that seals now. */
  keyId: z.string(),
  dataKeys: z.number().int(),
  /** Data keys that another master key has sealed. */
  left: z.number().int(),
});
export type WireKeyStand = z.output<typeof keyStandSchema>;

export const keyRotationSchema = keyStandSchema.extend({
  rotated: z.number().int(),
  /** Data keys that no master key of this process opens. */
  closed: z.number().int(),
  /** Where the next step begins; null: that was the last one. */
  after: z.string().nullable(),
});
export type WireKeyRotation = z.output<typeof keyRotationSchema>;
