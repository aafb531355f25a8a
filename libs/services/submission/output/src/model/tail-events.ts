import { isUtf8 } from 'node:buffer';
import { tornBytes } from './line-merge.js';
import type { PlacedChunk } from './segment.js';

/** Bytes kept back of an instance: the beginning of a character. */
export interface Torn {
  readonly attempt: number;
  /** Of the first byte, within the output of the attempt. */
  readonly offset: number;
  readonly data: Buffer;
}

/** Where a reader of a tail stands: after the chunk at `position`, but for the bytes that are kept back. */
export interface TailPosition {
  readonly position: number;
  /** By instance. */
  readonly torn: ReadonlyMap<number, Torn>;
}

/** A piece of output as the events of a tail carry it: whole characters as text, anything else in base64. */
export interface TailPiece {
  readonly instance: number;
  readonly attempt: number;
  /** Of its first byte, within the output of this attempt. */
  readonly offset: number;
  readonly text?: string;
  readonly base64?: string;
}

/** Kept back at the same time, so that a position stays short; text of more instances at once that is torn for long is no text. */
const MAX_TORN = 16;
const NUMBER = String.raw`\d{1,15}`;
const TORN = String.raw`${NUMBER}\.${NUMBER}\.${NUMBER}\.[0-9a-f]{2,6}`;
const POSITION = new RegExp(`^(${NUMBER})(?:~(${TORN}(?:,${TORN}){0,${MAX_TORN}}))?$`);

/** The id of an event: it holds all that is needed to go on behind it. */
export const formatTailPosition = ({ position, torn }: TailPosition): string => {
  const kept = [...torn].map(([instance, { attempt, offset, data }]) =>
    [instance, attempt, offset, data.toString('hex')].join('.'),
  );
  return kept.length === 0 ? String(position) : `${position}~${kept.join(',')}`;
};

/** @returns undefined for what formatTailPosition did not make */
export const parseTailPosition = (text: string): TailPosition | undefined => {
  const [, position, kept] = POSITION.exec(text) ?? [];
  if (position === undefined) return undefined;
  const torn = (kept?.split(',') ?? []).map((one): [number, Torn] => {
    const [instance, attempt, offset, hex = ''] = one.split('.');
    return [Number(instance), { attempt: Number(attempt), offset: Number(offset), data: Buffer.from(hex, 'hex') }];
  });
  return { position: Number(position), torn: new Map(torn) };
};

const pieceOf = (instance: number, { attempt, offset, data }: Torn): TailPiece => ({
  instance,
  attempt,
  offset,
  ...(isUtf8(data) ? { text: data.toString('utf8') } : { base64: data.toString('base64') }),
});

/** Takes one more chunk. @returns the pieces to show, and where the reader stands behind them */
export const advance = (
  { torn }: TailPosition,
  { position, instance, attempt, offset, data }: PlacedChunk,
): { readonly pieces: readonly TailPiece[]; readonly at: TailPosition } => {
  const pieces: TailPiece[] = [];
  const kept = new Map(torn);
  const before = kept.get(instance);
  kept.delete(instance);
  const continues = before?.attempt === attempt && before.offset + before.data.length === offset;
  if (before && !continues) pieces.push(pieceOf(instance, before));
  const bytes = continues ? Buffer.concat([before.data, data]) : data;
  const start = continues ? before.offset : offset;
  const tornCount = kept.size < MAX_TORN ? tornBytes(bytes) : 0;
  const cut = bytes.length - tornCount;
  if (cut > 0) pieces.push(pieceOf(instance, { attempt, offset: start, data: bytes.subarray(0, cut) }));
  if (tornCount > 0) kept.set(instance, { attempt, offset: start + cut, data: Buffer.from(bytes.subarray(cut)) });
  return { pieces, at: { position, torn: kept } };
};

/** What was kept back and will not be completed. */
export const piecesOfTorn = ({ torn }: TailPosition): readonly TailPiece[] =>
  [...torn].sort(([a], [b]) => a - b).map(([instance, rest]) => pieceOf(instance, rest));
