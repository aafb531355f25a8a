import { s3Error } from '@fornax/s3';

export interface QuotaGateParts {
  /** undefined when the account is not known (any more): then nothing is refused. */
  readonly maxBytes: (owner: string) => number | undefined;
  readonly usedBytes: (owner: string) => Promise<number>;
  readonly now: () => number;
}

const COUNT_AGE_MS = 2_000;
const MAX_OWNERS = 10_000;

interface Count {
  readonly at: number;
  readonly used: Promise<number>;
  /** Let through since it was counted. */
  added: number;
}

/** Holds accounts to their storage quota at the price of one count in two seconds each; what was let through meanwhile is added on. */
export class QuotaGate {
  readonly #counts = new Map<string, Count>();

  constructor(private readonly parts: QuotaGateParts) {}

  /** @throws S3Error QuotaExceeded */
  async check(owner: string, moreBytes: number): Promise<void> {
    const maxBytes = this.parts.maxBytes(owner);
    if (maxBytes === undefined || moreBytes === 0) return;
    const count = this.#count(owner);
    const used = (await count.used) + count.added;
    if (used + moreBytes > maxBytes) {
      throw s3Error(
        'QuotaExceeded',
        `The storage quota of the account is used up: ${used} of ${maxBytes} bytes, and ${moreBytes} more do not fit.`,
        {
          UsedBytes: String(used),
          MaxBytes: String(maxBytes),
        },
      );
    }
    count.added += moreBytes;
  }

  #count(owner: string): Count {
    const known = this.#counts.get(owner);
    if (known && this.parts.now() - known.at < COUNT_AGE_MS) return known;
    if (this.#counts.size >= MAX_OWNERS) this.#counts.clear();
    const count: Count = { at: this.parts.now(), used: this.parts.usedBytes(owner), added: 0 };
    this.#counts.set(owner, count);
    count.used.catch(() => this.#counts.delete(owner));
    return count;
  }
}
