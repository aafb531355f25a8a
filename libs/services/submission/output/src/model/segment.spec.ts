import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeSegment, encodeSegment, type PlacedChunk } from './segment.js';

/** Chunks as they arrive: each instance's one behind the other, some with a gap before them. */
const someChunks = fc
  .array(
    fc.record({
      instance: fc.nat(3),
      attempt: fc.integer({ min: 1, max: 2 }),
      gap: fc.constantFrom(0, 0, 0, 5),
      data: fc.uint8Array({ minLength: 1, maxLength: 20 }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((pieces): readonly PlacedChunk[] => {
    const ends = new Map<string, number>();
    return pieces.map(({ instance, attempt, gap, data }, index) => {
      const key = `${instance}/${attempt}`;
      const offset = (ends.get(key) ?? 0) + gap;
      ends.set(key, offset + data.length);
      return { position: 10 + 3 * index, instance, attempt, offset, data: Buffer.from(data) };
    });
  });

describe('a segment of output', () => {
  it('gives back the chunks in order of arrival', () =>
    fc.assert(
      fc.property(someChunks, (chunks) => {
        const { bytes, dataBytes } = encodeSegment(chunks);
        expect(decodeSegment(bytes, dataBytes)).toEqual(chunks);
      }),
    ));

  it('has every byte of an instance where its parts say', () =>
    fc.assert(
      fc.property(someChunks, (chunks) => {
        const { bytes, parts, dataBytes } = encodeSegment(chunks);
        expect(parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)).toBe(dataBytes);
        for (const { instance, attempt, offset, data } of chunks) {
          const part = parts.find(
            (one) =>
              one.instance === instance &&
              one.attempt === attempt &&
              one.offset <= offset &&
              offset + data.length <= one.offset + one.sizeBytes,
          );
          const at = (part?.objectOffset ?? -1) + offset - (part?.offset ?? 0);
          expect(bytes.subarray(at, at + data.length)).toEqual(data);
        }
      }),
    ));

  it('is refused when its list does not fit', () =>
    expect(() => decodeSegment(Buffer.from('abc[]'), 3)).toThrow('does not hold what its list says'));
});
