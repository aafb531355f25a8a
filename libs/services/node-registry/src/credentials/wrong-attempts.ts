/** How many refusals of one peer are looked into closely, and how many peers are remembered. */
export interface AttemptLimits {
  readonly perPeer: number;
  readonly windowMs: number;
  readonly peers: number;
}

const DEFAULTS: AttemptLimits = { perPeer: 30, windowMs: 60_000, peers: 4_096 };

interface Window {
  readonly since: number;
  readonly count: number;
}

/** Counts refusals by peer, so that somebody who guesses costs no more than a signature, and fills no log. */
export class WrongAttempts {
  private readonly windows = new Map<string, Window>();

  constructor(private readonly limits: AttemptLimits = DEFAULTS) {}

  note(peer: string, now: number): void {
    const known = this.current(peer, now);
    this.windows.delete(peer);
    this.windows.set(peer, known ? { ...known, count: known.count + 1 } : { since: now, count: 1 });
    if (this.windows.size <= this.limits.peers) return;
    const { value: oldest } = this.windows.keys().next();
    if (oldest !== undefined) this.windows.delete(oldest);
  }

  isTooMany(peer: string, now: number): boolean {
    return (this.current(peer, now)?.count ?? 0) >= this.limits.perPeer;
  }

  private current(peer: string, now: number): Window | undefined {
    const window = this.windows.get(peer);
    return window && now - window.since < this.limits.windowMs ? window : undefined;
  }
}
