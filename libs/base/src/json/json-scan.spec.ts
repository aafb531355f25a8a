import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { scanJson } from './json-scan.js';

const bounds = { depth: 4, values: 10 };
const scan = (text: string): string | undefined => scanJson(Buffer.from(text), bounds);

describe('scanJson', () => {
  it.each([
    ['', undefined],
    ['[[[[1]]]]', undefined],
    ['[[[[[', 'is nested deeper than 4 levels'],
    ['{"a":{"a":{"a":{"a":{}}}}}', 'is nested deeper than 4 levels'],
    ['[[],[],[],[]]', undefined],
    ['"[[[[[[[{{{{"', undefined],
    [String.raw`["\"[[[[[[", "\\"]`, undefined],
    [String.raw`["\\\\", [[[[1]]]]]`, 'is nested deeper than 4 levels'],
    ['[1,2,3,4,5,6,7,8]', undefined],
    ['[1,2,3,4,5,6,7,8,9,10]', 'holds more than 10 values'],
    ['[{},{},{},{},{},{}]', 'holds more than 10 values'],
    ['1e308', undefined],
    ['[-1e400]', 'holds a number that is too large'],
    ['{"a":1E+999}', 'holds a number that is too large'],
    ['1e-400', undefined],
    [`[${'9'.repeat(310)}]`, 'holds a number that is too large'],
    [`[0.${'1'.repeat(500)}]`, 'holds a number that is too large'],
    [`["${'9'.repeat(5000)}e999"]`, undefined],
    ['"unfinished [[[[[[', undefined],
    ['"\\', undefined],
  ])('%s: %s', (text, problem) => expect(scan(text)).toBe(problem));

  it('finds nothing wrong with JSON within the bounds, and something with any that holds more values', () =>
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        const count = (value: unknown): number =>
          typeof value === 'object' && value !== null
            ? Object.values(value).reduce<number>((sum, one) => sum + count(one), 1)
            : 1;
        const values = count(JSON.parse(text));
        const bytes = Buffer.from(text);
        // Each container may be counted once more than it holds values.
        expect(scanJson(bytes, { depth: 20, values: values * 2 })).toBeUndefined();
        if (values > 2) expect(scanJson(bytes, { depth: 20, values: Math.floor(values / 2) - 1 })).toBeDefined();
      }),
    ));
});
