/** What a barrier needs of the log and of the projection. */
export interface BarrierParts {
  readonly head: () => Promise<{ readonly sequence: number }>;
  readonly waitFor: (sequence: number) => Promise<boolean>;
}

/**
 * Lets a reader see everything that was committed before it came: waits, bounded, until the projection has passed the log's head. Readers that
 * come while the head is being asked for share the next question, so a crowd costs two at a time.
 */
export class ReadBarrier {
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(private readonly parts: BarrierParts) {}

  /** Never rejects: when the log cannot be asked, or the projection is late, the reader sees what there is. */
  pass(): Promise<void> {
    if (!this.#running) return this.#begin();
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<void> {
    const head = this.parts.head().then(
      ({ sequence }) => sequence,
      () => 0,
    );
    // Only the question is shared: the wait behind it belongs to those who asked.
    const asked = head.then(() => {
      if (this.#running === asked) this.#running = undefined;
    });
    this.#running = asked;
    return head
      .then((sequence) => this.parts.waitFor(sequence))
      .then(
        () => undefined,
        () => undefined,
      );
  }
}
