import { describe, expect, it } from '@jest/globals';
import { centsToMicros, microsOf, moneyText, shareOf, usedUpAt } from './money.ts';

const DAY = 86_400_000;

describe('amounts', () => {
  it.each([
    ['0.000065', 65n],
    ['12', 12_000_000n],
    ['-0.5', -500_000n],
    ['9007199254740993.000001', 9_007_199_254_740_993_000_001n],
  ])('are whole millionths: %s', (text, micros) => expect(microsOf(text)).toBe(micros));

  it('are shown with all decimals, or with cents that are rounded', () => {
    expect(moneyText(1_234_567_890_123n, 'EUR')).toBe('1\u202f234\u202f567.890123 €');
    expect(moneyText(-995_000n, 'EUR', false)).toBe('-1.00 €');
    expect(moneyText(centsToMicros(50_000), 'XXX', false)).toBe('500.00 XXX');
  });
});

describe('a budget', () => {
  it('is used up when what is left of it has gone as the rest did', () => {
    expect(usedUpAt(30n, 10n, DAY, 0)).toBe(3 * DAY);
    expect(usedUpAt(30n, 0n, DAY, 0)).toBeUndefined();
    expect(usedUpAt(0n, 10n, DAY, 0)).toBeUndefined();
    expect(usedUpAt(10n ** 18n, 1n, DAY, 0)).toBeUndefined();
  });

  it('has shares between nothing and all', () => {
    expect([shareOf(1n, 3n), shareOf(5n, 3n), shareOf(-1n, 3n), shareOf(1n, 0n)]).toEqual([33.3, 100, 0, 0]);
  });
});
