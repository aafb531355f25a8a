import { describe, expect, it } from '@jest/globals';
import { MAX_REASON_CHARS } from '@fornax/contracts';
import fc from 'fast-check';
import { reasonOf } from './reason.js';

const of = (text: string): string | undefined => reasonOf({ 'fornax-reason': text });

describe('the reason of a request', () => {
  it('is what was encoded, in any language', () => {
    expect([of('out%20of%20budget'), of('out of budget'), of('Gro%C3%9Fe%20Not%20%F0%9F%94%A5')]).toEqual([
      'out of budget',
      'out of budget',
      'Große Not 🔥',
    ]);
  });

  it('is none where nothing is said', () =>
    expect([reasonOf({}), of(''), of('  '), of('%20')]).toEqual(Array(4).fill(undefined)));

  it.each([
    ['a line break', 'a%0Ab'],
    ['a NUL', 'a%00'],
    ['a terminal sequence', '%1B%5B2J'],
    ['a C1 control', '%C2%9B'],
    ['text turned around', '%E2%80%AEevil'],
    ['bytes that are no UTF-8', '%FF'],
    ['half an escape', 'a%2'],
    ['raw bytes', 'Gro\u00dfe Not'],
    ['too much', 'x'.repeat(MAX_REASON_CHARS + 1)],
    ['too much in escapes', '%41'.repeat(MAX_REASON_CHARS + 1)],
  ])('is refused with %s', (_, text) => expect(() => of(text)).toThrow(/^Fornax-Reason/));

  it('either comes through as it was meant or is refused, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 600 }), (text) => {
        try {
          expect(of(encodeURIComponent(text)) ?? '').toBe(text.trim());
        } catch (error) {
          expect(text.length > MAX_REASON_CHARS || /[^\P{C}]|[\u2028\u2029]/u.test(text)).toBe(true);
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});
