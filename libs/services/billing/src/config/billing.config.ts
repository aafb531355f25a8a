import { loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';

const schema = z.object({
  /** What every account is given to spend, in euros. Remaining credits are this minus what was consumed. */
  FORNAX_BILLING_GRANT_EUROS: z
    .string()
    .regex(/^\d{1,9}(\.\d{1,6})?$/, 'must be an amount in euros, such as 1000 or 12.5')
    .default('1000')
    .transform((text) => Math.round(Number(text) * 1_000_000)),
});

export interface BillingConfig {
  readonly grantMicros: number;
}
export const BILLING_CONFIG = Symbol('fornax.billing.config');

/** @throws ConfigError */
export const loadBillingConfig = (env: Env): BillingConfig => ({
  grantMicros: loadConfig(schema, env).FORNAX_BILLING_GRANT_EUROS,
});
