import { describe, expect, it } from '@jest/globals';
import { isRetention, retentionGraceOf, retentionOf } from './retention-rule.js';

describe('the rule by which the log is left', () => {
  it.each([
    ['off', undefined],
    ['30s', 30_000],
    ['12h', 43_200_000],
    ['90d', 7_776_000_000],
  ])('%s is an age of %p ms', (text, ms) => {
    expect([isRetention(text), retentionOf(text)]).toEqual([true, ms]);
  });

  it.each(['', '0d', '-1d', '1', '1w', '1.5h', '100000d', ' 1d'])('is not %p', (text) => {
    expect(isRetention(text)).toBe(false);
    expect(() => retentionOf(text)).toThrow('FORNAX_LOG_RETENTION must be off, or an age');
  });
});

describe('the time for those who have not heard', () => {
  it.each([
    ['37', 37_000],
    ['900', 900_000],
    ['86400', 86_400_000],
  ])('%s is %p ms', (text, ms) => expect(retentionGraceOf(text)).toBe(ms));

  // One that is no number would be no time at all.
  it.each(['', '15m', '900s', '-1', '0', '36', '86401', '1e3', 'NaN', '0x20'])('is never %p', (text) => {
    expect(() => retentionGraceOf(text)).toThrow('a number of seconds from 37 to 86400');
  });
});
