import { describe, expect, it } from '@jest/globals';
import { parseAsOf } from './as-of.js';

describe('a moment of the past', () => {
  it.each([
    ['42', { sequence: 42 }],
    ['2026-01-31T12:00:00Z', { instant: Date.UTC(2026, 0, 31, 12) }],
    ['2026-01-31T12:00:00.250+01:00', { instant: Date.UTC(2026, 0, 31, 11, 0, 0, 250) }],
    ['2026-01-31T12:00:00 01:00', { instant: Date.UTC(2026, 0, 31, 11) }],
  ])('is read from %s', (text, expected) => expect(parseAsOf(text)).toEqual(expected));

  it.each(['', 'yesterday', '-1', '1.5', '2026-01-31', '2026-13-31T12:00:00Z', '9'.repeat(30)])(
    'is not read from "%s"',
    (text) => expect(() => parseAsOf(text)).toThrow('asOf'),
  );
});
