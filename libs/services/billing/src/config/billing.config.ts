import { loadConfig, type Env } from '@fornax/base';
import { z } from 'zod';

/** What one timer of Node can wait for, which is 2^31 - 1 ms: it takes more for 1 ms. */
const MOST_HOURS = 596;
const AUDIT_SOON_MS = 5 * 60_000;

const schema = z.object({
  /** What every account is given to spend, in euros. Remaining credits are this minus what was consumed. */
  FORNAX_BILLING_GRANT_EUROS: z
    .string()
    .regex(/^\d{1,9}(\.\d{1,6})?$/, 'must be an amount in euros, such as 1000 or 12.5')
    .default('1000')
    .transform((text) => Math.round(Number(text) * 1_000_000)),
  /** How often what was used is compared with credits and budgets, in milliseconds. */
  FORNAX_BILLING_WATCH_MS: z.coerce.number().int().min(100).max(3_600_000).default(1_000),
  /** How often the ledger is compared with the whole log, in hours; 0: only when an operator asks. */
  FORNAX_BILLING_AUDIT_HOURS: z.coerce.number().int().min(0).max(MOST_HOURS).default(24),
});

export interface BillingConfig {
  readonly grantMicros: number;
  readonly watchEveryMs: number;
  /** 0: never by itself. */
  readonly auditEveryMs: number;
  /** How long after the start the first audit begins, and another one after an audit that failed. */
  readonly auditSoonMs: number;
}
export const BILLING_CONFIG = Symbol('fornax.billing.config');

/** @throws ConfigError */
export const loadBillingConfig = (env: Env): BillingConfig => {
  const { FORNAX_BILLING_GRANT_EUROS, FORNAX_BILLING_AUDIT_HOURS, FORNAX_BILLING_WATCH_MS } = loadConfig(schema, env);
  return {
    grantMicros: FORNAX_BILLING_GRANT_EUROS,
    watchEveryMs: FORNAX_BILLING_WATCH_MS,
    auditEveryMs: FORNAX_BILLING_AUDIT_HOURS * 3_600_000,
    auditSoonMs: AUDIT_SOON_MS,
  };
};
