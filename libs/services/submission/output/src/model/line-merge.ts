/** A piece of one instance's output, in order of arrival. */
export interface OutputChunk {
  readonly instance: number;
  readonly attempt: number;
  readonly data: Buffer;
}

/** Bytes of an instance that were read and not shown yet: the beginning of a line, or of a character. */
export interface Held {
  readonly attempt: number;
  readonly data: Buffer;
}
export type HeldBytes = ReadonlyMap<number, Held>;

export interface Merged {
  readonly text: Buffer;
  readonly held: HeldBytes;
}

const NEWLINE = 10;
/** A line longer than this is cut: no reader waits for ever for its end. */
const MAX_HELD_BYTES = 64 * 1024;
/** What the beginnings of lines of all instances may take together; beyond it they are shown as they are. */
const MAX_ALL_HELD_BYTES = 4 * 1024 * 1024;

const endLine = (line: Buffer): Buffer => (line.at(-1) === NEWLINE ? line : Buffer.concat([line, Buffer.of(NEWLINE)]));
const sizeOf = (held: HeldBytes): number => [...held.values()].reduce((sum, { data }) => sum + data.length, 0);

/**
 * The output of a task: whole lines in order of arrival, each behind its instance's number (contract, 4.4 and 5.11). Lines are put together
 * from bytes, so neither a line nor a character is torn by the border of two chunks.
 * @param isOver an instance that will print no more: what is left of it is shown without waiting for the end of the line
 */
export const mergeLines = (
  chunks: readonly OutputChunk[],
  before: HeldBytes,
  isOver: (instance: number) => boolean,
): Merged => {
  const held = new Map(before);
  const parts: Buffer[] = [];
  const emit = (instance: number, line: Buffer): void => {
    parts.push(Buffer.from(`${instance}> `), line);
  };
  for (const { instance, attempt, data } of chunks) {
    const kept = held.get(instance);
    held.delete(instance);
    if (kept && kept.attempt !== attempt) emit(instance, endLine(kept.data));
    const bytes = kept?.attempt === attempt ? Buffer.concat([kept.data, data]) : data;
    const rest = emitLines(bytes, (line) => emit(instance, line));
    if (rest.length > 0) held.set(instance, { attempt, data: rest });
  }
  const isFull = sizeOf(held) > MAX_ALL_HELD_BYTES;
  const finished = [...held.keys()].filter((instance) => isFull || isOver(instance)).sort((a, b) => a - b);
  finished.forEach((instance) => {
    const rest = held.get(instance);
    held.delete(instance);
    if (rest) emit(instance, endLine(rest.data));
  });
  return { text: Buffer.concat(parts), held };
};

/** Whole lines, and pieces of one that is too long, cut between characters. @returns the beginning of a line that is not complete */
const emitLines = (bytes: Buffer, emit: (line: Buffer) => void): Buffer => {
  let start = 0;
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
    emit(bytes.subarray(start, end + 1));
    start = end + 1;
  }
  const rest = bytes.subarray(start);
  if (rest.length <= MAX_HELD_BYTES) return rest;
  const cut = rest.length - tornBytes(rest);
  emit(endLine(rest.subarray(0, cut)));
  return rest.subarray(cut);
};

/** How many bytes at the end are the beginning of a UTF-8 character whose rest has not come. */
export const tornBytes = (bytes: Buffer): number => {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue;
    // Above F4 nothing begins a character.
    const length = byte > 0xf4 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
};

/** The output of one instance, as it was printed; a character that is not complete yet waits for the next read. */
export const mergeBytes = (
  chunks: readonly OutputChunk[],
  before: HeldBytes,
  isOver: (instance: number) => boolean,
): Merged => {
  const parts: Buffer[] = [...before.values()].map(({ data }) => data);
  const last = chunks.at(-1);
  const bytes = Buffer.concat([...parts, ...chunks.map(({ data }) => data)]);
  const torn = last && !isOver(last.instance) ? tornBytes(bytes) : 0;
  if (!last || torn === 0) return { text: bytes, held: new Map() };
  const cut = bytes.length - torn;
  return {
    text: bytes.subarray(0, cut),
    held: new Map([[last.instance, { attempt: last.attempt, data: bytes.subarray(cut) }]]),
  };
};
