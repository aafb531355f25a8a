import { setTimeout as pause } from 'node:timers/promises';
import { harmlessLine } from './harmless.js';
import type { Io } from './io.js';

/** Home and clear below: a frame replaces the one before without a flash of emptiness. */
const HOME = '\u001b[H';
const ERASE_LINE = '\u001b[K';
const ERASE_BELOW = '\u001b[J';
const CLEAR = `${HOME}${ERASE_BELOW}`;

/** One look at something that changes, as lines that are harmless already. */
export interface Frame {
  readonly lines: readonly string[];
  /** Whether nothing changes any more. */
  readonly isLast?: boolean;
}

/**
 * Shows what changes, frame by frame, until the last one or Ctrl-C. Where standard output is no terminal, or once is enough, there is one frame: a file
 * wants no screens.
 * @param look makes the next frame for so many rows; Infinity where there is no screen
 */
export const showLive = async (
  io: Io,
  look: (rows: number) => Promise<Frame>,
  { once = false, everyMs = 2_000 }: { readonly once?: boolean; readonly everyMs?: number } = {},
): Promise<void> => {
  const isLive = !once && io.screen() !== undefined;
  for (let isFirst = true; ; isFirst = false) {
    // A terminal may be made smaller meanwhile.
    const rows = isLive ? (io.screen()?.rows ?? Infinity) : Infinity;
    const frame = await look(rows).catch((error: unknown) => {
      // What could be seen once may be seen again: a platform that starts anew is away for a moment.
      if (isFirst || !isLive) throw error;
      return {
        lines: [io.cut(harmlessLine(`cannot be seen now: ${error instanceof Error ? error.message : String(error)}`))],
      };
    });
    if (io.signal.aborted) return;
    const { lines, isLast = false }: Frame = frame;
    if (!isLive) return lines.forEach((line) => io.writeRaw(`${line}\n`));
    const kept = lines.slice(0, rows - 1);
    io.writeRaw(`${isFirst ? CLEAR : HOME}${kept.map((line) => `${line}${ERASE_LINE}\n`).join('')}${ERASE_BELOW}`);
    if (isLast) return;
    // Ctrl-C is how one leaves.
    const isOver = await pause(everyMs, false, { signal: io.signal }).catch(() => true);
    if (isOver) return;
  }
};
