import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { splitWords, UnbalancedQuote } from './split-words.js';

describe('splitting a command line', () => {
  it.each([
    ['echo hello world', ['echo', 'hello', 'world']],
    ['  a\t b\n c  ', ['a', 'b', 'c']],
    [`sh -c "echo \\"$HOME\\"; ls 'x y'"`, ['sh', '-c', `echo "$HOME"; ls 'x y'`]],
    [`a'b c'"d e"f\\ g`, ['ab cd ef g']],
    [`'' ""`, ['', '']],
    [`"\\n" '\\n' \\n`, ['\\n', '\\n', 'n']],
    ['a\\\nb "c\\\nd"', ['ab', 'cd']],
    ['echo $X ${Y} `z` * ; | &', ['echo', '$X', '${Y}', '`z`', '*', ';', '|', '&']],
    ['', []],
  ])('%j gives %j', (line, words) => expect(splitWords(line)).toEqual(words));

  it.each([`echo 'x`, 'echo "x', 'echo \\', `"'`])('refuses %j', (line) =>
    expect(() => splitWords(line)).toThrow(UnbalancedQuote),
  );

  it('gives back any words that were quoted', () => {
    const quote = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`;
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (words) => {
        expect(splitWords(words.map(quote).join(' '))).toEqual(words);
      }),
    );
  });

  it('ends on any text with words or a refusal', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ' ', '"', "'", '\\', '\n', '$') }), (line) => {
        try {
          expect(splitWords(line).every((word) => word.length <= line.length)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(UnbalancedQuote);
        }
      }),
    );
  });
});
