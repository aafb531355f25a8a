import { describe, expect, it } from '@jest/globals';
import { harmless } from './harmless.js';
import { renderTable } from './table.js';

describe('a table', () => {
  it('has columns as wide as their widest cell, numbers on the right', () =>
    expect(
      renderTable([
        ['NAME', 'COUNT'],
        ['a-longer-name', 7],
      ]),
    ).toBe('NAME           COUNT\na-longer-name      7'));

  it('shows a very long cell whole, and pads no other row for it', () => {
    const rows = renderTable([
      ['NAME', 'STATE'],
      ['x'.repeat(2_000), 'Success'],
      ['short', 'Failure'],
    ]).split('\n');
    expect(rows[1]).toBe(`${'x'.repeat(2_000)}  Success`);
    expect(rows[2]).toBe(`${'short'.padEnd(60)}  Failure`);
  });

  it.each(['\u001b[2J', 'two\nlines', '\u202eevil', '\u009b31m', '\r', '\u2028'])(
    'shows text of strangers and does not obey it: %j',
    (text) => {
      const [, row = ''] = renderTable([['REASON'], [text]]).split('\n');
      expect(row).toMatch(/^[\x20-\x7e]+$/);
      expect(row).toContain('\\u');
    },
  );
});

it('text of many lines keeps its line breaks alone', () =>
  expect(harmless('a\nb\u001b[2J\r')).toBe('a\nb\\u001b[2J\\u000d'));
