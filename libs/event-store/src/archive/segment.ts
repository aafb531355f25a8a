import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { zstdCompress, zstdDecompress } from 'node:zlib';
import { z } from 'zod';
import { type ArchivedMessage, decodeRecords, encodeRecord } from './archived-message.js';

/**
 * A segment of the archive of the event log, in one object:
 *
 *     FORNAX-LOG\n <header as JSON> \n   hash   { length packed (4)  length (4)  packed records  hash }*
 *
 * Each hash is SHA-256 over the hash before it and the bytes since, so an altered byte is known by the piece that it lies in, and the last hash covers
 * all. It is the segment's, and stands in the header of the next one. Records are packed by Zstandard, some hundred KiB at a time; ADR 0116.
 */
const MAGIC = 'FORNAX-LOG\n';
const HASH_BYTES = 32;
const LENGTHS_BYTES = 8;
const FRAME_BYTES = 256 * 1024;
/** More than a message may have: what says that it is longer is damaged. */
const MOST_FRAME_BYTES = 128 * 1024 * 1024;
const MOST_HEADER_BYTES = 16 * 1024 * 1024;

const pack = promisify(zstdCompress);
const unpack = promisify(zstdDecompress);

const headerSchema = z.strictObject({
  format: z.literal(1),
  /** The log's. */
  epoch: z.string(),
  number: z.int().min(1),
  /** The hash of the segment before. */
  previous: z.string().regex(/^[0-9a-f]{64}$/),
  from: z.int().min(1),
  to: z.int().min(1),
  messages: z.int().min(0),
  /** Sequences in the range that were lost and given up before it was archived: first and last of each gap. */
  missing: z.array(z.tuple([z.int(), z.int()])),
  frames: z.int().min(0),
});
export type SegmentHeader = z.output<typeof headerSchema>;

/** A segment does not hold what was archived. `offset` is where the first piece begins that is wrong, `sequence` the first one that it may hold. */
export class SegmentDamaged extends Error {
  constructor(
    readonly offset: number,
    readonly sequence: number | undefined,
    readonly detail: string,
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.name = 'SegmentDamaged';
  }
}

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const lengthsOf = (packed: number, plain: number): Buffer => {
  const lengths = Buffer.alloc(LENGTHS_BYTES);
  lengths.writeUInt32BE(packed, 0);
  lengths.writeUInt32BE(plain, 4);
  return lengths;
};

/** Neighboring records, some hundred KiB together. */
function* framesOf(messages: readonly ArchivedMessage[]): Generator<Buffer> {
  let records: Buffer[] = [];
  let size = 0;
  for (const message of messages) {
    const record = encodeRecord(message);
    records.push(record);
    size += record.length;
    if (size < FRAME_BYTES) continue;
    yield Buffer.concat(records);
    [records, size] = [[], 0];
  }
  if (size > 0) yield Buffer.concat(records);
}

export interface EncodedSegment {
  readonly header: SegmentHeader;
  readonly bytes: Buffer;
  /** In hex. */
  readonly hash: string;
}

/** The bytes of a segment: the same for the same messages, by one version of Zstandard. */
export const encodeSegment = async (
  about: Pick<SegmentHeader, 'epoch' | 'number' | 'previous' | 'from' | 'to' | 'missing'>,
  messages: readonly ArchivedMessage[],
): Promise<EncodedSegment> => {
  const frames = [...framesOf(messages)];
  const { epoch, number, previous, from, to, missing } = about;
  const counts = { messages: messages.length, missing, frames: frames.length };
  const header: SegmentHeader = { format: 1, epoch, number, previous, from, to, ...counts };
  const head = Buffer.from(`${MAGIC}${JSON.stringify(header)}\n`);
  let hash = sha256(head);
  const pieces = [head, hash];
  for (const frame of frames) {
    const packed = await pack(frame);
    const lengths = lengthsOf(packed.length, frame.length);
    hash = sha256(hash, lengths, packed);
    pieces.push(lengths, packed, hash);
  }
  return { header, bytes: Buffer.concat(pieces), hash: hash.toString('hex') };
};

const headerIn = (bytes: Buffer): { readonly header: SegmentHeader; readonly end: number } => {
  const wrong = (detail: string, cause?: unknown) => new SegmentDamaged(0, undefined, detail, { cause });
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) throw wrong('it does not begin as a segment does');
  const lineEnd = bytes.subarray(0, MOST_HEADER_BYTES).indexOf('\n', MAGIC.length);
  if (lineEnd < 0) throw wrong('its header has no end');
  const end = lineEnd + 1;
  if (!sha256(bytes.subarray(0, end)).equals(bytes.subarray(end, end + HASH_BYTES)))
    throw wrong('its header holds other bytes than were archived');
  try {
    return { header: headerSchema.parse(JSON.parse(bytes.toString('utf8', MAGIC.length, lineEnd))), end };
  } catch (error) {
    throw wrong('its header cannot be read by this version', error);
  }
};

/** Where a reader is: behind `sequence`, the last one that it has read. */
interface Place {
  offset: number;
  sequence: number;
}

const frameAt = async (bytes: Buffer, before: Buffer, { offset, sequence }: Place) => {
  const wrong = (detail: string, cause?: unknown) => new SegmentDamaged(offset, sequence + 1, detail, { cause });
  const packedAt = offset + LENGTHS_BYTES;
  if (packedAt > bytes.length) throw wrong('it ends too early');
  const [packedBytes, plainBytes] = [bytes.readUInt32BE(offset), bytes.readUInt32BE(offset + 4)];
  const end = packedAt + packedBytes;
  if (plainBytes > MOST_FRAME_BYTES || end + HASH_BYTES > bytes.length)
    throw wrong('it ends too early, or a length is wrong');
  const packed = bytes.subarray(packedAt, end);
  const hash = sha256(before, bytes.subarray(offset, packedAt), packed);
  if (!hash.equals(bytes.subarray(end, end + HASH_BYTES))) throw wrong('it holds other bytes than were archived');
  const plain = await unpack(packed, { maxOutputLength: plainBytes }).catch((error: unknown) => {
    throw wrong('it cannot be unpacked', error);
  });
  return { plain, hash, end: end + HASH_BYTES };
};

const isMissing = ({ missing }: SegmentHeader, sequence: number): boolean =>
  missing.some(([from, through]) => from <= sequence && sequence <= through);

/** A segment that is read, piece by piece. */
export interface OpenSegment {
  readonly header: SegmentHeader;
  /**
   * Its messages, some hundred KiB at once, each of which was compared with its hash before. @returns the segment's hash, in hex
   * @throws SegmentDamaged
   */
  read(): AsyncGenerator<readonly ArchivedMessage[], string, undefined>;
}

/** @throws SegmentDamaged its header is not what was archived */
export const openSegment = (bytes: Buffer): OpenSegment => {
  const { header, end } = headerIn(bytes);
  return { header, read: () => readFrames(bytes, header, end) };
};

async function* readFrames(
  bytes: Buffer,
  header: SegmentHeader,
  headerEnd: number,
): AsyncGenerator<readonly ArchivedMessage[], string, undefined> {
  let hash = bytes.subarray(headerEnd, headerEnd + HASH_BYTES);
  const place: Place = { offset: headerEnd + HASH_BYTES, sequence: header.from - 1 };
  let messages = 0;
  for (let frame = 0; frame < header.frames; frame += 1) {
    const read = await frameAt(bytes, hash, place);
    const batch = [...decodeRecords(read.plain)];
    for (const { sequence } of batch) {
      for (let between = place.sequence + 1; between < sequence; between += 1)
        if (!isMissing(header, between))
          throw new SegmentDamaged(place.offset, between, `sequence ${between} is missing`);
      if (sequence <= place.sequence)
        throw new SegmentDamaged(place.offset, sequence, `sequence ${sequence} is not in order`);
      place.sequence = sequence;
    }
    messages += batch.length;
    hash = read.hash;
    place.offset = read.end;
    yield batch;
  }
  const { offset, sequence } = place;
  if (offset !== bytes.length) throw new SegmentDamaged(offset, undefined, 'there are bytes behind its end');
  for (let rest = sequence + 1; rest <= header.to; rest += 1)
    if (!isMissing(header, rest)) throw new SegmentDamaged(offset, rest, `sequence ${rest} is missing`);
  if (messages !== header.messages || sequence > header.to)
    throw new SegmentDamaged(offset, sequence, `it holds ${messages} messages, and should hold ${header.messages}`);
  return hash.toString('hex');
}
