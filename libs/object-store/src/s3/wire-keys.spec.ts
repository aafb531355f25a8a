import { describe, expect, it } from '@jest/globals';
import { compareKeys } from '../port/keys.js';
import { fromWire, wireKey, wirePrefix } from './wire-keys.js';

const PIECES = [
  '',
  '.',
  '..',
  '/',
  'a',
  'b',
  '0',
  '1',
  '-',
  ' ',
  '!',
  '"',
  '\u0001',
  '\t',
  '%',
  '+',
  ',',
  '\u007f',
  'é',
  '\ufffc',
  '\ufffd',
  '\ufffe',
  '\uffff',
  '\u{1f600}',
];
const keys = [
  ...new Set(PIECES.flatMap((one) => PIECES.flatMap((two) => PIECES.map((three) => `${one}${two}${three}`)))),
];

describe('the spelling of keys on an S3 service', () => {
  it('can be read back', () => {
    for (const key of keys) expect(fromWire(wireKey(key))).toBe(key);
    expect(fromWire(wirePrefix('a//.b/'))).toBe('a//.b/');
  });

  it('sorts as the keys do', () => {
    const sorted = [...keys].sort(compareKeys);
    expect([...keys].sort((a, b) => compareKeys(wireKey(a), wireKey(b)))).toEqual(sorted);
  });

  it('has what the key has after a prefix, and only then', () => {
    const wires = keys.map((key) => [key, wireKey(key)] as const);
    for (const prefix of PIECES.flatMap((one) => PIECES.map((two) => `${one}${two}`))) {
      const spelled = wirePrefix(prefix);
      const wrong = wires.filter(([key, wire]) => wire.startsWith(spelled) !== key.startsWith(prefix));
      if (wrong.length > 0) throw new Error(JSON.stringify([prefix, ...wrong]));
    }
  });

  it('never leaves its folder, never is a folder, and is plain XML', () => {
    for (const key of keys) {
      const segments = wireKey(key).split('/');
      expect(segments.some((text) => text === '' || text === '.' || text === '..')).toBe(false);
      expect(segments.slice(0, -1).some((text) => text.endsWith('!'))).toBe(false);
      expect(wireKey(key)).toMatch(/^[!,-\ufffd\u{10000}-\u{10ffff}]+$/u);
    }
  });
});
