import { describe, expect, it } from '@jest/globals';

import { localPathOf } from './inputs.js';

describe('the place of an input', () => {
  it.each([
    ['a/b.txt', undefined, 'a/b.txt'],
    ['in/a/b.txt', 'in/', 'a/b.txt'],
    ['in/a', 'in', 'a'],
    ['other/a', 'in/', 'other/a'],
    ['//a//./b', undefined, 'a/b'],
    ['folder/', undefined, 'folder/'],
    ['in/', 'in/', undefined],
    ['a..b/..c', undefined, 'a..b/..c'],
  ])('%j without %j is %j', (key, strip, path) => expect(localPathOf(key, strip)).toBe(path));

  it.each(['../x', 'a/../../x', 'in/../x', 'a\0b', '.', 'in/.', './'])('%j is refused', (key) =>
    expect(() => localPathOf(key, 'in/')).toThrow(),
  );
});
