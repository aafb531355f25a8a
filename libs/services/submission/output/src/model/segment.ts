import { z } from 'zod';
import type { OutputChunk } from './line-merge.js';

/** A chunk with its places: in the order of arrival of all output, and in its instance's own. */
export interface PlacedChunk extends OutputChunk {
  readonly position: number;
  /** Of the first byte, within the output of this attempt of the instance. */
  readonly offset: number;
}

/** A run of bytes of one attempt without a gap, and where it lies in the segment's object. */
export interface SegmentPart {
  readonly instance: number;
  readonly attempt: number;
  readonly offset: number;
  readonly sizeBytes: number;
  readonly objectOffset: number;
}

/**
 * Output of one stream of one task that moves to object storage together: the bytes, those of an instance side by side so that a range of them is
 * a range of the object, and behind them, as JSON, the list of chunks that restores the order of arrival.
 */
export interface Segment {
  readonly bytes: Buffer;
  /** Where the list begins. */
  readonly dataBytes: number;
  readonly parts: readonly SegmentPart[];
}

const indexSchema = z.array(
  z.tuple([z.number().int(), z.number().int(), z.number().int(), z.number().int(), z.number().int()]),
);

const byInstance = (a: PlacedChunk, b: PlacedChunk): number =>
  a.instance - b.instance || a.attempt - b.attempt || a.position - b.position;

const partsOf = (chunks: readonly PlacedChunk[]): readonly SegmentPart[] => {
  const parts: SegmentPart[] = [];
  let objectOffset = 0;
  for (const { instance, attempt, offset, data } of chunks) {
    const last = parts.at(-1);
    const continues =
      last?.instance === instance && last.attempt === attempt && last.offset + last.sizeBytes === offset;
    if (last && continues) parts[parts.length - 1] = { ...last, sizeBytes: last.sizeBytes + data.length };
    else parts.push({ instance, attempt, offset, sizeBytes: data.length, objectOffset });
    objectOffset += data.length;
  }
  return parts;
};

export const encodeSegment = (chunks: readonly PlacedChunk[]): Segment => {
  const ordered = [...chunks].sort(byInstance);
  const data = ordered.map((chunk) => chunk.data);
  const index = ordered.map(({ position, instance, attempt, offset, data: { length } }) => [
    position,
    instance,
    attempt,
    offset,
    length,
  ]);
  const dataBytes = data.reduce((sum, { length }) => sum + length, 0);
  return {
    bytes: Buffer.concat([...data, Buffer.from(JSON.stringify(index))]),
    dataBytes,
    parts: partsOf(ordered),
  };
};

/** The chunks in order of arrival. @throws Error the bytes are no segment */
export const decodeSegment = (bytes: Buffer, dataBytes: number): readonly PlacedChunk[] => {
  let at = 0;
  const index: unknown = JSON.parse(bytes.subarray(dataBytes).toString('utf8'));
  const chunks = indexSchema.parse(index).map(([position, instance, attempt, offset, length]) => {
    const data = bytes.subarray(at, at + length);
    at += length;
    return { position, instance, attempt, offset, data };
  });
  if (at !== dataBytes) throw new Error('a segment of output does not hold what its list says');
  return chunks.sort((a, b) => a.position - b.position);
};
