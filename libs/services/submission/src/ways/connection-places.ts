/** How many connections are open at once: of all together, and of one account, so that others have some. */
export class ConnectionPlaces {
  #open = 0;
  readonly #of = new Map<string, number>();

  constructor(
    private readonly most: number,
    private readonly mostOfOne: number,
  ) {}

  get size(): number {
    return this.#open;
  }

  /** @returns what gives the place back; undefined: there is none */
  enter(account: string): (() => void) | undefined {
    if (this.#open >= this.most || (this.#of.get(account) ?? 0) >= this.mostOfOne) return undefined;
    this.#move(account, 1);
    let isIn = true;
    return () => {
      if (isIn) this.#move(account, -1);
      isIn = false;
    };
  }

  #move(account: string, by: 1 | -1): void {
    this.#open += by;
    const own = (this.#of.get(account) ?? 0) + by;
    if (own > 0) this.#of.set(account, own);
    else this.#of.delete(account);
  }
}
