import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { namesBelow, problemWithSecretKey, problemWithSecretValue } from './secret-key.js';

const parts = (count: number, part: string): string => Array.from({ length: count }, () => part).join('/');

describe('a key of a secret', () => {
  it.each(['a', 'a/b.c/d e', '...', 'clé/🔑', '?#%', parts(512, 'k') + 'k', parts(4, 'é'.repeat(127))])(
    'may be %j',
    (key) => expect(problemWithSecretKey(key)).toBeUndefined(),
  );

  it.each([
    ['', 'at least one'],
    [parts(512, 'k') + 'kk', '1024 characters'],
    ['/a', 'nor ends'],
    ['a/', 'nor ends'],
    ['a//b', 'in a row'],
    ['..', '".."'],
    ['a/../b', '".."'],
    ['a/./b', '"."'],
    ['a\0', 'control'],
    ['a\nb', 'control'],
    ['a\u0085b', 'control'],
    ['\ud83d', 'halves'],
    ['k'.repeat(256), '255 bytes'],
    ['é'.repeat(128), '255 bytes'],
  ])('is never %j', (key, why) => expect(problemWithSecretKey(key)).toContain(why));
});

describe('a value of a secret', () => {
  it.each(['', '\0', 'a\nb\r', '€🔑', 'x'.repeat(65_536), '🔑'.repeat(16_384)])('may be any text (%#)', (value) =>
    expect(problemWithSecretValue(value)).toBeUndefined(),
  );
  it.each(['x'.repeat(65_537), '🔑'.repeat(16_384) + 'x', '\udc00'])(
    'is neither too long nor cut in a character (%#)',
    (value) => expect(problemWithSecretValue(value)).toEqual(expect.any(String)),
  );
});

describe('names below a prefix', () => {
  it('are relative to it, of one level, with a slash behind folders', () => {
    const keys = ['a', 'b/c', 'b/d', 'b/e/f', 'b/e/g', 'bb'];
    expect(namesBelow(keys, '')).toEqual(['a', 'b/', 'bb']);
    expect(namesBelow(keys, 'b')).toEqual(['c', 'd', 'e/']);
    expect(namesBelow(keys, 'b/e')).toEqual(['f', 'g']);
    expect(namesBelow(keys, 'x')).toEqual([]);
    expect(namesBelow(keys, 'a')).toEqual([]);
  });

  it('lead to every key, and to nothing else, when a client descends into folders', () => {
    const key = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }).map((all) => all.join('/'));
    const below = (keys: readonly string[], prefix: string): readonly string[] =>
      namesBelow(keys, prefix).flatMap((name) => {
        const full = prefix === '' ? name : `${prefix}/${name}`;
        return full.endsWith('/') ? below(keys, full.slice(0, -1)) : [full];
      });
    fc.assert(
      fc.property(fc.uniqueArray(key, { maxLength: 12 }), (keys) =>
        expect([...below(keys, '')].sort()).toEqual([...keys].sort()),
      ),
    );
  });
});
