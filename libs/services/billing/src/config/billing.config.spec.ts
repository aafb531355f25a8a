import { describe, expect, it } from '@jest/globals';
import { loadBillingConfig } from './billing.config.js';

/** The longest that a timer of Node waits. */
const MOST_MS = 2 ** 31 - 1;

describe('the configuration of billing', () => {
  it('audits once a day, or never', () => {
    expect(loadBillingConfig({}).auditEveryMs).toBe(24 * 3_600_000);
    expect(loadBillingConfig({ FORNAX_BILLING_AUDIT_HOURS: '0' }).auditEveryMs).toBe(0);
  });

  it('takes no time between audits that a timer cannot wait for', () => {
    expect(loadBillingConfig({ FORNAX_BILLING_AUDIT_HOURS: '596' }).auditEveryMs).toBeLessThanOrEqual(MOST_MS);
    expect(() => loadBillingConfig({ FORNAX_BILLING_AUDIT_HOURS: '597' })).toThrow('FORNAX_BILLING_AUDIT_HOURS');
  });
});
