import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PlacedChunk } from './segment.js';
import {
  advance,
  formatTailPosition,
  parseTailPosition,
  piecesOfTorn,
  type TailPiece,
  type TailPosition,
} from './tail-events.js';

const beginning: TailPosition = { position: 0, torn: new Map() };
const bytesOf = ({ text, base64 }: TailPiece): Buffer =>
  text === undefined ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(text);

/** Bytes of several instances, in pieces that arrive mixed. */
const someOutput = fc
  .array(fc.tuple(fc.nat(20), fc.uint8Array({ minLength: 1, maxLength: 5 })), { minLength: 1, maxLength: 40 })
  .map((pieces): readonly PlacedChunk[] => {
    const ends = new Map<number, number>();
    return pieces.map(([instance, data], index) => {
      const offset = ends.get(instance) ?? 0;
      ends.set(instance, offset + data.length);
      return { position: index + 1, instance, attempt: 1, offset, data: Buffer.from(data) };
    });
  });

describe('the events of a tail', () => {
  it('carry every byte once and at its place, wherever a reader breaks off and comes back', () =>
    fc.assert(
      fc.property(someOutput, (chunks) => {
        const shown: TailPiece[] = [];
        let at = beginning;
        for (const chunk of chunks) {
          const next = advance(at, chunk);
          shown.push(...next.pieces);
          // The position is all that a reader brings.
          at = parseTailPosition(formatTailPosition(next.at)) ?? beginning;
          expect(at).toEqual(next.at);
        }
        shown.push(...piecesOfTorn(at));
        for (const instance of new Set(chunks.map((chunk) => chunk.instance))) {
          const own = shown.filter((piece) => piece.instance === instance);
          const all = Buffer.concat(chunks.filter((chunk) => chunk.instance === instance).map(({ data }) => data));
          expect(Buffer.concat(own.map(bytesOf))).toEqual(all);
          let end = 0;
          for (const piece of own) {
            expect(piece.offset).toBe(end);
            end += bytesOf(piece).length;
          }
        }
      }),
    ));

  it('know their positions from other texts', () => {
    for (const text of ['', 'x', '1~', '1~0.1.2', '-1', '1 ', '1~0.1.2.c', '1~0.1.2.c3,', '9'.repeat(16)])
      expect(parseTailPosition(text)).toBeUndefined();
  });
});
