/** So many accounts are remembered; the one that was quiet for longest is forgotten first. */
const MAX_REMEMBERED = 10_000;
/** How many seconds of requests may come at once after a silence. */
const BURST_S = 4;

/** What an account has used of its budget, in requests, at an instant. */
interface Used {
  readonly requests: number;
  readonly at: number;
}

/** Holds each account to so many requests a second: a token bucket each, filled at that rate up to four seconds' worth. */
export class RequestBudget {
  readonly #used = new Map<string, Used>();

  /** @param perS requests a second; 0: any number */
  constructor(
    private readonly perS: number,
    private readonly now: () => number,
  ) {}

  /** Takes one request from the budget of an account. @returns false when nothing is left; then nothing is taken either */
  take(account: string): boolean {
    if (this.perS === 0) return true;
    const at = this.now();
    const { requests, at: before } = this.#used.get(account) ?? { requests: 0, at };
    const left = Math.max(0, requests - (Math.max(0, at - before) * this.perS) / 1000);
    // Fractions of requests are not exact.
    if (left + 1 > BURST_S * this.perS + 1e-6) return false;
    this.#used.delete(account);
    this.#used.set(account, { requests: left + 1, at });
    const [quietest] = this.#used.keys();
    if (this.#used.size > MAX_REMEMBERED && quietest !== undefined) this.#used.delete(quietest);
    return true;
  }
}
