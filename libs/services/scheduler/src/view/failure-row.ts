/** The one instance that shows whether a node is well again. */
interface Trial {
  readonly leaseId: string;
  readonly until: number;
  readonly hasStarted: boolean;
}

/** As many in a row fail by chance on no healthy node. */
const IN_ROW = 3;
const FIRST_HOLD_MS = 5_000;
const LONGEST_HOLD_MS = 300_000;
/** A trial may take so long to start, and so long from there on is what it has to run. */
const TRIAL_MS = 60_000;

/**
 * Failures in a row on one node, of different tasks or of different accounts:
 *
 *   well  -> held    three failed there, and nothing ended well between them
 *   held  -> trial   its time is over (5 s, twice as long each time, 5 minutes at most): one instance may go there
 *   trial -> held    that one failed by the platform's fault
 *   trial -> well    it has run for a minute; the next hold is longer all the same
 *   trial -> trial   it never came to be, its end says nothing of the node, or nothing was heard of it for a minute: the next one may go there
 *
 * An end that is well makes it forgotten, by whoever keeps it. Times are milliseconds by a monotonic clock.
 */
export class FailureRow {
  readonly #failed = new Set<string>();
  #holds = 0;
  #heldUntil: number | undefined;
  #trial: Trial | undefined;

  /** @param who counted once, however often */
  failed(who: string, leaseId: string, now: number): void {
    this.#settle(now);
    if (this.#heldUntil === undefined) {
      this.#failed.add(who);
      if (this.#failed.size >= IN_ROW) this.#hold(now);
    } else if (this.#trial?.leaseId === leaseId) this.#hold(now);
    // Of what was on its way there when it was held back, nothing new is learned.
  }

  /** A lease goes there. Said twice of the same one, it is said once. */
  given(leaseId: string, now: number): void {
    if (this.at(now) === 'trial') this.#trial = { leaseId, until: now + TRIAL_MS, hasStarted: false };
  }

  started(leaseId: string, now: number): void {
    if (this.#trial?.leaseId === leaseId) this.#trial = { leaseId, until: now + TRIAL_MS, hasStarted: true };
  }

  /** A lease will say nothing of the node any more. */
  released(leaseId: string): void {
    if (this.#trial?.leaseId === leaseId) this.#trial = undefined;
  }

  at(now: number): 'closed' | 'trial' | undefined {
    this.#settle(now);
    if (this.#heldUntil === undefined) return undefined;
    return now < this.#heldUntil || this.#trial ? 'closed' : 'trial';
  }

  /** When something may change by itself. */
  get changesAt(): readonly number[] {
    return [this.#heldUntil, this.#trial?.until].filter((at) => at !== undefined);
  }

  #hold(now: number): void {
    this.#failed.clear();
    this.#trial = undefined;
    this.#heldUntil = now + Math.min(FIRST_HOLD_MS * 2 ** this.#holds, LONGEST_HOLD_MS);
    this.#holds += 1;
  }

  #settle(now: number): void {
    if (!this.#trial || now < this.#trial.until) return;
    if (this.#trial.hasStarted) this.#heldUntil = undefined;
    this.#trial = undefined;
  }
}
