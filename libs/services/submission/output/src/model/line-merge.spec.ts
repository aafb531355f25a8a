import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mergeBytes, mergeLines, type HeldBytes, type OutputChunk } from './line-merge.js';

const chunk = (instance: number, text: string | Buffer, attempt = 1): OutputChunk => ({
  instance,
  attempt,
  data: Buffer.from(text),
});
const none: HeldBytes = new Map();
const running = () => false;
const over = () => true;

describe('lines of a task', () => {
  it('come whole, in order of arrival, behind the number of their instance', () => {
    const first = mergeLines([chunk(1, 'a\nb'), chunk(0, 'c\n'), chunk(1, 'd\n')], none, running);
    expect(first.text.toString()).toBe('1> a\n0> c\n1> bd\n');
    expect(first.held.size).toBe(0);
  });
  it('wait for their end from one read to the next', () => {
    const first = mergeLines([chunk(1, 'par')], none, running);
    expect(first.text.length).toBe(0);
    expect(mergeLines([chunk(1, 'tial\n')], first.held, running).text.toString()).toBe('1> partial\n');
  });
  it('are ended when their instance is', () => {
    expect(mergeLines([chunk(1, 'last')], none, over).text.toString()).toBe('1> last\n');
  });
  it('are not joined across attempts', () => {
    expect(mergeLines([chunk(1, 'old'), chunk(1, 'new\n', 2)], none, running).text.toString()).toBe('1> old\n1> new\n');
  });
  it('are cut when they never end', () => {
    expect(mergeLines([chunk(1, 'x'.repeat(70_000))], none, running).text.length).toBe(70_000 + '1> \n'.length);
  });
});

describe('bytes of an instance', () => {
  it.each(['é', '€', '😀'])('never end inside %s', (character) => {
    const bytes = Buffer.from(`a${character}`);
    for (let cut = 1; cut <= bytes.length; cut++) {
      const first = mergeBytes([chunk(0, bytes.subarray(0, cut))], none, running);
      const second = mergeBytes(
        [chunk(0, bytes.subarray(cut))].filter(({ data }) => data.length > 0),
        first.held,
        over,
      );
      expect([first.text.toString(), second.text.toString()].join('')).toBe(`a${character}`);
      expect(first.text.toString()).not.toContain('\uFFFD');
    }
  });
  it('that are no text pass as they are once the instance is over', () => {
    const bytes = Buffer.from([0xff, 0xc3]);
    expect(mergeBytes([chunk(0, bytes)], none, over).text).toEqual(bytes);
  });
});

/** Cuts bytes at arbitrary places. */
const cutAt = (bytes: Buffer, cuts: readonly number[]): readonly Buffer[] => {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
};

describe('output in arbitrary pieces', () => {
  const someText = fc.string({ unit: fc.constantFrom('a', 'é', '€', '😀', '\n', ' '), maxLength: 60 });
  const someCuts = fc.array(fc.nat(300), { maxLength: 12 });

  it('is the same text of an instance, and no piece of it has half a character', () =>
    fc.assert(
      fc.property(someText, someCuts, (text, cuts) => {
        const pieces = cutAt(Buffer.from(text), cuts);
        let held: HeldBytes = none;
        const shown = pieces.map((piece, index) => {
          const merged = mergeBytes([chunk(0, piece)], held, index === pieces.length - 1 ? over : running);
          held = merged.held;
          return merged.text;
        });
        expect(shown.map(String).join('')).toBe(text);
      }),
    ));

  it('is the same bytes of an instance, whatever they are', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), someCuts, (bytes, cuts) => {
        const pieces = cutAt(Buffer.from(bytes), cuts);
        let held: HeldBytes = none;
        const shown = pieces.map((piece, index) => {
          const merged = mergeBytes([chunk(0, piece)], held, index === pieces.length - 1 ? over : running);
          held = merged.held;
          return merged.text;
        });
        expect(Buffer.concat(shown)).toEqual(Buffer.from(bytes));
      }),
    ));

  it('is the same lines of a task, read at once or piece by piece', () =>
    fc.assert(
      fc.property(someText, someText, someCuts, fc.nat(3), (first, second, cuts, perRead) => {
        const [ofFirst, ofSecond] = [cutAt(Buffer.from(first), cuts), cutAt(Buffer.from(second), cuts)];
        const chunks = Array.from({ length: Math.max(ofFirst.length, ofSecond.length) }, (_, n) => [
          ...(ofFirst[n] ? [chunk(0, ofFirst[n])] : []),
          ...(ofSecond[n] ? [chunk(1, ofSecond[n])] : []),
        ]).flat();
        const size = perRead + 1;
        const atOnce = mergeLines(chunks, none, over).text.toString();
        let held: HeldBytes = none;
        let inPieces = '';
        for (let at = 0; at <= chunks.length; at += size) {
          const merged = mergeLines(chunks.slice(at, at + size), held, at + size > chunks.length ? over : running);
          held = merged.held;
          inPieces += merged.text.toString();
        }
        expect(inPieces).toBe(atOnce);
        for (const [instance, text] of [first, second].entries()) {
          const prefix = `${instance}> `;
          const lines = atOnce.split('\n').filter((line) => line.startsWith(prefix));
          const expected = text.split('\n').slice(0, text.endsWith('\n') || text === '' ? -1 : undefined);
          expect(lines.map((line) => line.slice(prefix.length))).toEqual(expected);
        }
      }),
    ));

  it('does not pile up: beginnings of lines of very many instances are shown as they are', () => {
    const chunks = Array.from({ length: 100 }, (_, n) => chunk(n, 'x'.repeat(60_000)));
    const { text, held } = mergeLines(chunks, none, running);
    expect(held.size).toBe(0);
    expect(text.length).toBeGreaterThan(6_000_000);
  });

  it('is cut between characters where a line does not end', () => {
    const { text, held } = mergeLines([chunk(0, Buffer.from('€'.repeat(30_000)).subarray(0, 70_000))], none, running);
    expect(text.toString()).toBe(`0> ${'€'.repeat(23_333)}\n`);
    expect(held.get(0)?.data.length).toBe(1);
  });
});
