import { LOG_HEADERS, parseLogSubject, type OutputStream } from '@fornax/contracts';
import type { LogMessage } from '../stream/log-feed.js';

/** A piece of output as a node sent it. */
export interface ArrivedChunk {
  /** Of the message in the stream. */
  readonly sequence: number;
  /** Undefined in what an earlier version left in the stream. */
  readonly nodeId: string | undefined;
  readonly leaseId: string;
  readonly taskId: string;
  readonly stream: OutputStream;
  readonly instance: number;
  readonly attempt: number;
  /** Of its first byte, within the output of this attempt. */
  readonly offset: number;
  readonly data: Buffer;
}

/** How far one stream of one instance is known, in its newest attempt. */
export interface KnownPart {
  readonly taskId: string;
  readonly stream: string;
  readonly instance: number;
  readonly attempt: number;
  readonly endOffset: number;
  /** Bytes before the end that never came, or could not be kept. */
  readonly lostBytes: number;
}

/** Bytes of a stream that never came. */
export interface Gap {
  readonly taskId: string;
  readonly stream: string;
  readonly bytes: number;
}

/** Of an `integer` column. */
const MAX_INTEGER = 2_147_483_647;
const MAX_ID_LENGTH = 255;
/** Four terabytes: no instance prints more, and sums of as many instances as a task may have stay within a `bigint`. */
const MAX_OFFSET = 2 ** 42;
const isCount = (value: number, most: number): boolean => Number.isInteger(value) && value >= 0 && value <= most;

/** @returns undefined for what no row can hold, which is nobody's output; kept, it would come back for ever and hold up all other */
export const chunkOf = ({ subject, data, header, sequence }: LogMessage): ArrivedChunk | undefined => {
  const place = parseLogSubject(subject);
  if (!place) return undefined;
  const leaseId = header(LOG_HEADERS.lease) ?? '';
  const attempt = Number(header(LOG_HEADERS.attempt) ?? 1);
  const offset = Number(header(LOG_HEADERS.offset) ?? 0);
  const fits =
    isCount(place.instance, MAX_INTEGER) &&
    isCount(attempt, MAX_INTEGER) &&
    isCount(offset, MAX_OFFSET) &&
    leaseId.length <= MAX_ID_LENGTH;
  if (!fits || place.taskId.includes('\0') || place.taskId.length > MAX_ID_LENGTH) return undefined;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  return { ...place, sequence, leaseId, attempt, offset, data: bytes };
};

const keyOf = ({ taskId, stream, instance }: Pick<KnownPart, 'taskId' | 'stream' | 'instance'>): string =>
  `${instance}/${stream}/${taskId}`;

/**
 * What of the chunks is new, in their order: an agent that is not sure whether a chunk was stored sends it again, and the bytes that are known
 * already are cut off. Chunks belong to the newest attempt of their instance.
 * @returns also how far each instance's output is known now, and what is missing before the new chunks
 */
export const untold = (
  chunks: readonly ArrivedChunk[],
  known: readonly KnownPart[],
): {
  readonly fresh: readonly ArrivedChunk[];
  readonly parts: readonly KnownPart[];
  readonly gaps: readonly Gap[];
} => {
  const parts = new Map(known.map((part) => [keyOf(part), part]));
  const changed = new Map<string, KnownPart>();
  const fresh: ArrivedChunk[] = [];
  const gaps: Gap[] = [];
  for (const chunk of chunks) {
    const key = keyOf(chunk);
    const before = parts.get(key);
    const isSame = before?.attempt === chunk.attempt;
    const end = isSame ? before.endOffset : 0;
    const chunkEnd = chunk.offset + chunk.data.length;
    if (chunkEnd <= end) continue;
    const isOverlapping = chunk.offset < end;
    fresh.push(isOverlapping ? { ...chunk, offset: end, data: chunk.data.subarray(end - chunk.offset) } : chunk);
    const { taskId, stream, instance, attempt } = chunk;
    const gapBytes = Math.max(0, chunk.offset - end);
    if (gapBytes > 0) gaps.push({ taskId, stream, bytes: gapBytes });
    const lostBytes = (isSame ? before.lostBytes : 0) + gapBytes;
    const part = { taskId, stream, instance, attempt, endOffset: chunkEnd, lostBytes };
    parts.set(key, part);
    changed.set(key, part);
  }
  return { fresh, parts: [...changed.values()], gaps };
};
