import type { OutputPiece } from '@fornax/client';

const NEWLINE = 10;
/** A line longer than this is shown in parts. */
const MAX_HELD_BYTES = 65_536;

interface Beginning {
  readonly attempt: number;
  readonly data: Buffer;
}

/** Puts the lines of several instances together from pieces, each behind the number of its instance, as the platform shows a whole task. */
export class LineJoiner {
  readonly #held = new Map<number, Beginning>();

  /** @returns the lines that the piece completes */
  take({ instance, attempt, data }: OutputPiece): string {
    const before = this.#held.get(instance);
    this.#held.delete(instance);
    const isSame = before?.attempt === attempt;
    const abandoned = before && !isSame ? lineOf(instance, before.data) : '';
    const bytes = isSame ? Buffer.concat([before.data, data]) : Buffer.from(data);
    const end = bytes.length > MAX_HELD_BYTES ? bytes.length : bytes.lastIndexOf(NEWLINE) + 1;
    if (end < bytes.length) this.#held.set(instance, { attempt, data: bytes.subarray(end) });
    return abandoned + linesOf(instance, bytes.subarray(0, end));
  }

  /** What is left when nothing follows. */
  rest(): string {
    const lines = [...this.#held].sort(([a], [b]) => a - b).map(([instance, { data }]) => lineOf(instance, data));
    this.#held.clear();
    return lines.join('');
  }
}

const lineOf = (instance: number, line: Buffer): string => `${instance}> ${line.toString('utf8')}\n`;

const linesOf = (instance: number, lines: Buffer): string => {
  if (lines.length === 0) return '';
  const text = lines.toString('utf8');
  return (text.endsWith('\n') ? text.slice(0, -1) : text)
    .split('\n')
    .map((line) => `${instance}> ${line}\n`)
    .join('');
};
