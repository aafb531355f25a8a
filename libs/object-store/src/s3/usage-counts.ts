import { countStaleAt } from '../port/count-age.js';
import type { Usage } from '../port/object-store.js';

/** As often as quotas ask. */
const AGE_MS = 2_000;

/** What buckets hold, by counts that are kept for a while: S3 keeps none, so each is added up from listings. */
export class UsageCounts {
  readonly #kept = new Map<string, { readonly usage: Promise<Usage>; staleAt: number }>();

  constructor(
    private readonly count: (bucket: string) => Promise<Usage>,
    /** Monotonic clock, milliseconds. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Without what others have stored since the count that is kept began; those who ask meanwhile wait for the same count. */
  of(bucket: string): Promise<Usage> {
    const known = this.#kept.get(bucket);
    if (known && this.now() < known.staleAt) return known.usage;
    const startedAt = this.now();
    const count = { usage: this.count(bucket), staleAt: Infinity };
    this.#kept.set(bucket, count);
    count.usage.then(
      () => void (count.staleAt = countStaleAt(startedAt, this.now(), AGE_MS)),
      () => {
        if (this.#kept.get(bucket) === count) this.#kept.delete(bucket);
      },
    );
    return count.usage;
  }

  /** What the bucket holds is something else by now: the next one who asks has it counted. */
  forget(bucket: string): void {
    this.#kept.delete(bucket);
  }

  clear(): void {
    this.#kept.clear();
  }
}
