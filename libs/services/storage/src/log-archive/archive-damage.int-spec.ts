import { readFile, writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, it } from '@jest/globals';
import type { ArchivedSegment } from '@fornax/domain';
import { TIMEOUT_MS, archiveByHand, archiver, bytesOf, fileOf, submit, verify } from './archive-under-test.fixture.js';

archiveByHand();

interface Stored {
  readonly bytes: Buffer;
  readonly file: string;
  /** The store's own checksums, behind the object in its file; a file may be without them. */
  readonly sums: Buffer;
}
const fail = ({ key }: ArchivedSegment): never => {
  throw new Error(`${key} is not stored`);
};

/** What happens to one byte. */
const CHANGES = {
  altered: (bytes: Buffer, at: number, by: number): Buffer => {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ by;
    return changed;
  },
  missing: (bytes: Buffer, at: number): Buffer => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]),
  added: (bytes: Buffer, at: number, by: number): Buffer =>
    Buffer.concat([bytes.subarray(0, at), Buffer.from([by]), bytes.subarray(at)]),
  reordered: (bytes: Buffer, at: number): Buffer => {
    // Two neighbors that are the same are not reordered: the next pair that differs is.
    const next = bytes.findIndex((byte, index) => index >= at && index + 1 < bytes.length && byte !== bytes[index + 1]);
    const here = next < 0 ? bytes.findIndex((byte, index) => byte !== bytes[index + 1]) : next;
    const changed = Buffer.from(bytes);
    [changed[here], changed[here + 1]] = [bytes[here + 1] ?? 0, bytes[here] ?? 0];
    return changed;
  },
  'cut off from there': (bytes: Buffer, at: number): Buffer => bytes.subarray(0, at),
} as const;
type Change = keyof typeof CHANGES;

/** Where the kinds of bytes of a segment lie: its first word, its header, the hash of that, lengths and packed records of frames, the last hash. */
const placesIn = (bytes: Buffer): readonly (readonly [from: number, through: number])[] => {
  const headerEnd = bytes.indexOf('\n', 'FORNAX-LOG\n'.length) + 1;
  const frameAt = headerEnd + 32;
  return [
    [0, 10],
    [11, headerEnd - 2],
    [headerEnd - 1, headerEnd - 1],
    [headerEnd, frameAt - 1],
    [frameAt, frameAt + 3],
    [frameAt + 4, frameAt + 7],
    [frameAt + 8, bytes.length - 33],
    [bytes.length - 32, bytes.length - 1],
  ];
};

it(
  'tells one byte that is altered, missing, added or in another order, wherever it is, and in which segment from which sequence on',
  async () => {
    await submit(16);
    const segments = await archiver().archive();
    expect(segments.length).toBeGreaterThan(3);
    const stored = new Map<ArchivedSegment, Stored>();
    for (const segment of segments) {
      const bytes = await bytesOf(segment.key);
      const file = await fileOf(bytes.subarray(0, 300));
      stored.set(segment, { bytes, file, sums: (await readFile(file)).subarray(bytes.length) });
    }
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...segments),
        fc.nat({ max: 7 }),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.constantFrom(...(Object.keys(CHANGES) as Change[])),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (segment, kind, part, change, by, hasSums) => {
          const { bytes, file, sums } = stored.get(segment) ?? fail(segment);
          const [from, through] = placesIn(bytes)[kind] ?? [0, 0];
          const at = from + Math.floor(part * (through - from + 1));
          const changed = CHANGES[change](bytes, at, by);
          await writeFile(file, hasSums ? Buffer.concat([changed, sums]) : changed);
          try {
            const { findings, next, segments: looked } = await verify();
            expect({ next, looked }).toEqual({ next: null, looked: segments.length });
            expect(findings).toEqual([
              expect.objectContaining({ segment: segment.number, key: segment.key, sequence: expect.any(Number) }),
            ]);
            const [{ sequence, offset } = { sequence: 0, offset: 0 }] = findings;
            expect(sequence).toBeGreaterThanOrEqual(segment.from);
            expect(sequence).toBeLessThanOrEqual(segment.to + 1);
            expect(offset).toBeLessThanOrEqual(change === 'reordered' ? bytes.length : at);
          } finally {
            await writeFile(file, Buffer.concat([bytes, sums]));
          }
        },
      ),
      { numRuns: 120 },
    );
    expect((await verify()).findings).toEqual([]);
  },
  TIMEOUT_MS,
);
