import { expect, it } from '@jest/globals';
import { parseStamp, stampOf } from './row-version.js';

it('leaves the epoch of rows of the first version as programs without versions wrote it', () => {
  expect(stampOf({ version: 1 }, 'abc')).toBe('abc');
  expect(parseStamp('abc', '7')).toEqual({ epoch: 'abc', sequence: 7, version: 1 });
});

it('reads back what it wrote, and gives programs without versions an epoch that is not the log’s', () => {
  for (const version of [0, 2, 31]) {
    expect(stampOf({ version }, 'abc')).not.toBe('abc');
    expect(parseStamp(stampOf({ version }, 'abc'), '7')).toEqual({ epoch: 'abc', sequence: 7, version });
  }
});
