import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseRange } from './byte-range.js';

describe('ranges', () => {
  it('lie inside the object, or are unsatisfiable', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.option(fc.nat(25)), fc.option(fc.nat(25)), (size, first, last) => {
        const range = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, size);
        const bytes = Array.from({ length: size }, (_, at) => at);
        if (range === undefined)
          return expect(first === null ? last === null : last !== null && last < first).toBe(true);
        const wanted =
          first === null
            ? bytes.slice(last === null || last === 0 ? size : -last)
            : bytes.slice(first, last === null ? size : last + 1);
        if (range === 'unsatisfiable') return expect(wanted).toEqual([]);
        expect(bytes.slice(range.start, range.end + 1)).toEqual(wanted);
      }),
    );
  });

  it('of other kinds mean the whole object', () => {
    for (const header of [undefined, '', 'bytes=', 'bytes=-', 'lines=1-2', 'bytes=1-2,4-5', 'bytes=x-y', 'bytes=-1-2'])
      expect(parseRange(header, 10)).toBeUndefined();
  });
});
