/**
 * Bounds how many calls of the system may wait at once, each of which holds a thread of the process until it returns: nobody can end it. A call that takes
 * too long is given up, and keeps its place until it returns after all. Where all places are kept so, whoever comes is told at once.
 */
export class ThreadPlaces {
  #taken = 0;
  #givenUp = 0;
  #waiting: ((hasPlace: boolean) => void)[] = [];

  constructor(private readonly most: number) {}

  /**
   * Makes a call when there is a place for it.
   * @param call which may never return
   * @param limitMs how long it is waited for, its wait for a place not counted
   * @returns `late` when it was given up, `full` when all places are held by such
   * @throws what the call throws
   */
  async within(call: () => Promise<unknown>, limitMs: number): Promise<'returned' | 'late' | 'full'> {
    if (!(await this.#place())) return 'full';
    let isLate = false;
    const returned = call()
      .finally(() => this.#leave(isLate))
      .then(() => 'returned' as const);
    const late = Promise.withResolvers<'late'>();
    const timer = setTimeout(() => late.resolve('late'), limitMs);
    try {
      const how = await Promise.race([returned, late.promise]);
      if (how === 'returned') return how;
      isLate = true;
      returned.catch(() => undefined);
      this.#giveUp();
      return how;
    } finally {
      clearTimeout(timer);
    }
  }

  async #place(): Promise<boolean> {
    if (this.#taken < this.most) {
      this.#taken += 1;
      return true;
    }
    if (this.#givenUp === this.most) return false;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #giveUp(): void {
    this.#givenUp += 1;
    if (this.#givenUp < this.most) return;
    for (const tell of this.#waiting.splice(0)) tell(false);
  }

  #leave(wasLate: boolean): void {
    if (wasLate) this.#givenUp -= 1;
    const next = this.#waiting.shift();
    if (next) next(true);
    else this.#taken -= 1;
  }
}
