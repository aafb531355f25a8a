import { RegistryAway } from './registry-away.js';

/** How long a failure is told to everybody who comes. */
const HELD_MS = 10_000;
/** As long as a registry may ask for. */
const MOST_HELD_MS = 60_000;
const MOST_FAILURES = 1_000;

/** Failures of a moment ago: what failed is not tried again for everybody who comes. */
export class HeldFailures {
  readonly #failures = new Map<string, { readonly error: unknown; readonly untilMs: number }>();

  constructor(private readonly nowMs: () => number) {}

  /** @throws what the work throws, or threw a moment ago */
  async unless<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const held = this.#failures.get(key);
    if (held && this.nowMs() < held.untilMs) throw held.error;
    try {
      return await work();
    } catch (error) {
      // Who went away says nothing of what was wanted.
      if (!signal.aborted) this.#hold(key, error);
      throw error;
    }
  }

  #hold(key: string, error: unknown): void {
    if (this.#failures.size >= MOST_FAILURES) this.#failures.clear();
    const askedMs = error instanceof RegistryAway ? (error.retryAfterMs ?? 0) : 0;
    const untilMs = this.nowMs() + Math.min(Math.max(askedMs, HELD_MS), MOST_HELD_MS);
    this.#failures.set(key, { error, untilMs });
  }
}
