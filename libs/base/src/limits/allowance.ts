/** Bounds how often something is done: some times at once, and from then on by the time that passes. */
export class Allowance {
  #left: number;
  #at: number;

  /** @param now milliseconds of a clock that only goes forward */
  constructor(
    private readonly mostAtOnce: number,
    private readonly perSecond: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.#left = mostAtOnce;
    this.#at = now();
  }

  /** Whether it may be done now; counts it, if so. */
  take(): boolean {
    const now = this.now();
    this.#left = Math.min(this.mostAtOnce, this.#left + ((now - this.#at) / 1_000) * this.perSecond);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  /** What was counted does not count after all. */
  giveBack(): void {
    this.#left = Math.min(this.mostAtOnce, this.#left + 1);
  }
}
