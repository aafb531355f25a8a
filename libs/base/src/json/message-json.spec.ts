import { describe, expect, it } from '@jest/globals';
import { MessageTooLarge, parseMessage, refusalOf } from './message-json.js';

const bounds = { sizeBytes: 1_000, depth: 3, values: 20 };
const reasonFor = (text: string): string => {
  try {
    parseMessage(Buffer.from(text), bounds);
    return 'taken';
  } catch (error) {
    return refusalOf(error);
  }
};

describe('a message', () => {
  it('is read within its bounds', () => expect(parseMessage(Buffer.from('{"a":["ü"]}'), bounds)).toEqual({ a: ['ü'] }));

  it.each([
    ['a full one', `"${'x'.repeat(998)}"`, 'taken'],
    ['one byte too many', `"${'x'.repeat(999)}"`, 'too-large'],
    ['deep nesting', '[[[[]]]]', 'too-large'],
    ['many values', `[${'{},'.repeat(20)}{}]`, 'too-large'],
    ['a number beyond all numbers', '[1e999]', 'too-large'],
    ['no JSON', '{', 'unreadable'],
    ['nothing', '', 'unreadable'],
  ])('%s: %s', (_what, text, reason) => expect(reasonFor(text)).toBe(reason));

  it('is refused for its size without a look at it', () => {
    const huge = Buffer.alloc(8 * 1024 * 1024, '[');
    expect(() => parseMessage(huge, bounds)).toThrow(new MessageTooLarge('has 8388608 bytes, more than 1000'));
  });
});
