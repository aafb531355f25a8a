import { delay } from '@fornax/base';
import type { OutputReadReply, OutputReadRequest } from '@fornax/contracts';

import { type Claim, OutputTurns } from './output-turns.js';

/** A turn to send one chunk. Has to be ended by one of the two. */
export interface Turn {
  readonly stored: (sequence: number) => void;
  /** It was not sent, and will not be. */
  readonly dropped: () => void;
}

/** The share of one instance in what its node sends. */
export interface OutputShare {
  /** Resolves when it is its turn; undefined once the signal has aborted, or the line is closed. */
  readonly turn: (bytes: number, signal: AbortSignal) => Promise<Turn | undefined>;
}

export interface OutputLineParts {
  /** Asks how far output was read. @throws Error nobody says */
  readonly ask: (request: OutputReadRequest) => Promise<OutputReadReply>;
  /** What one instance may print in a second; 0: whatever its share is. */
  readonly bytesPerS: number;
  /** Told the first time, until somebody answers. */
  readonly onUnanswered: (error: unknown) => void;
  readonly nowMs: () => number;
}

/** Until the platform has said how much. */
const FIRST_WINDOW_BYTES = 1_048_576;
const MOST_TASKS = 64;
/** Nobody answers: a platform of an earlier release, or one that is away. So much of a node's output a second goes on nevertheless. */
const UNANSWERED_BYTES_PER_S = 1_048_576;
const UNANSWERED_PAUSE_MS = 1_000;
/** An answer that gave nobody a turn: somebody else's output is being moved, say. */
const NOTHING_PAUSE_MS = 100;

/**
 * What all instances of a node print goes through here, chunk by chunk, in turns. The node sends no more than the platform has room for: it asks how far output
 * was read while much of its own is not, and whoever prints more waits in its write. So nothing piles up before the reader that others would have to wait for.
 */
export class OutputLine {
  readonly #turns: OutputTurns;
  readonly #claims = new Map<Claim, (isIts: boolean) => void>();
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;
  #isUnanswered = false;

  constructor(private readonly parts: OutputLineParts) {
    this.#turns = new OutputTurns({ bytesPerS: parts.bytesPerS, windowBytes: FIRST_WINDOW_BYTES });
  }

  open(taskId: string): OutputShare {
    const flow = this.#turns.open(taskId, this.parts.nowMs());
    return {
      turn: async (bytes, signal) => {
        if (signal.aborted || this.#stop.signal.aborted) return undefined;
        const claim = this.#turns.want(flow, bytes);
        if (!(await this.#wait(claim, signal))) {
          this.#end(() => this.#turns.withdraw(claim));
          return undefined;
        }
        return {
          stored: (sequence) => this.#end(() => this.#turns.stored(claim, sequence)),
          dropped: () => this.#end(() => this.#turns.withdraw(claim)),
        };
      },
    };
  }

  close(): void {
    this.#stop.abort();
    clearTimeout(this.#timer);
    for (const resolve of this.#claims.values()) resolve(false);
  }

  async #wait(claim: Claim, signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const giveUp = (): void => resolve(false);
    this.#claims.set(claim, resolve);
    signal.addEventListener('abort', giveUp, { once: true });
    this.#pump();
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', giveUp);
      this.#claims.delete(claim);
    }
  }

  #end(change: () => void): void {
    change();
    this.#pump();
  }

  /** Gives the turns that are due. @returns whether there were any */
  #pump(): boolean {
    if (this.#stop.signal.aborted) return false;
    const now = this.parts.nowMs();
    const granted = this.#turns.grant(now);
    for (const claim of granted) this.#claims.get(claim)?.(true);
    clearTimeout(this.#timer);
    const waitMs = this.#turns.waitMs(now);
    this.#timer = waitMs === undefined ? undefined : setTimeout(() => this.#pump(), waitMs);
    if (this.#turns.isFilling)
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined;
        // What filled it since the last look has nobody who asks for it.
        if (this.#turns.isFilling) this.#pump();
      });
    return granted.length > 0;
  }

  async #ask(): Promise<void> {
    const { signal } = this.#stop;
    let assumable = 0;
    // A turn of the loop, so that `#asking` is set before anything of this can begin anew.
    await delay(0);
    while (this.#turns.isFilling && !signal.aborted) {
      const askedAt = this.parts.nowMs();
      try {
        const { reach, tasks } = this.#turns;
        const { read, windowBytes, held } = await this.parts.ask({ reach, tasks: tasks.slice(0, MOST_TASKS) });
        [assumable, this.#isUnanswered] = [0, false];
        this.#turns.read(read);
        this.#turns.allow(windowBytes, held);
        if (!this.#pump()) await delay(NOTHING_PAUSE_MS, signal, { ref: false });
      } catch (error) {
        if (signal.aborted) return;
        if (!this.#isUnanswered) this.parts.onUnanswered(error);
        this.#isUnanswered = true;
        await delay(UNANSWERED_PAUSE_MS, signal, { ref: false });
        const bytes = ((this.parts.nowMs() - askedAt) * UNANSWERED_BYTES_PER_S) / 1_000;
        this.#turns.allow(FIRST_WINDOW_BYTES, []);
        assumable = Math.min(UNANSWERED_BYTES_PER_S, this.#turns.assumeRead(assumable + bytes));
        this.#pump();
      }
    }
  }
}
