import { expect, it } from '@jest/globals';
import { lastWords } from './last-words.js';

const SENTENCE =
  'fornax-platform cannot start, these settings are wrong:\n  FORNAX_MASTER_KEY_FILE (/k): this key does not open';

it.each([
  [
    'behind structured lines, of which the first is cut off',
    `context":"x","msg":"y"}\n{"level":"info"}\n${SENTENCE}\n`,
  ],
  ['behind one that is cut off', `"at":"index 7"}\n${SENTENCE}`],
  ['and nothing else', SENTENCE],
])('finds what a process said to people: %s', (_, tail) => expect(lastWords(tail)).toBe(SENTENCE));

it('shows the end of the log when nothing was said to people', () => {
  for (const tail of ['', '{"level":"fatal","msg":"cannot start"}']) expect(lastWords(tail)).toBe(tail);
});
