import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

/** Says that the platform is away: whoever waits for something goes on when it is there again. */
export const onAway =
  (io: Io) =>
  (error: unknown): void =>
    io.tell(`${harmlessLine(error instanceof Error ? error.message : String(error))}; this goes on when it can be`);
