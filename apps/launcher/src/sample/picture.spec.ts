import { describe, expect, it } from '@jest/globals';
import { inflateSync } from 'node:zlib';
import { decodePpm, encodePng, stack } from './picture.js';

const binary = (width: number, height: number, ...pixels: number[]) =>
  Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), Buffer.from(pixels)]);

describe('the strips of the sample', () => {
  it('are read in both forms', () => {
    const expected = { width: 2, height: 1, pixels: Uint8Array.of(1, 2, 3, 10, 32, 255) };
    expect(decodePpm(binary(2, 1, 1, 2, 3, 10, 32, 255))).toEqual(expected);
    expect(decodePpm(Buffer.from('P3\n# text\n2 1\n255\n1 2 3\n10 32 255\n'))).toEqual(expected);
  });

  it('are refused when cut short', () => expect(() => decodePpm(binary(2, 1, 1, 2, 3))).toThrow(/cut short/));

  it('become one PNG, first on top', () => {
    const picture = stack([decodePpm(binary(1, 1, 9, 8, 7)), decodePpm(binary(1, 1, 10, 10, 10))]);
    const png = encodePng(picture);
    const length = png.readUInt32BE(33);
    expect(png.toString('latin1', 37, 41)).toBe('IDAT');
    expect([...inflateSync(png.subarray(41, 41 + length))]).toEqual([2, 9, 8, 7, 2, 1, 2, 3]);
  });
});
