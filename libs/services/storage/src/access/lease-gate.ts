import type { LeaseClaims } from '@fornax/contracts';
import { accessDenied, s3Error } from '@fornax/s3';

export interface LeaseGateParts {
  /** Asks the scheduler; rejects when there is no answer. */
  readonly isCurrent: (lease: {
    readonly leaseId: string;
    readonly taskId: string;
    readonly instance: number;
  }) => Promise<boolean>;
  readonly now: () => number;
}

const ANSWER_AGE_MS = 2_000;
const MAX_ANSWERS = 10_000;

interface Answer {
  readonly at: number;
  readonly isCurrent: Promise<boolean>;
}

/**
 * Lets a lease's requests through while the scheduler says that it is current; an answer is good for two seconds, or until the log tells that the
 * lease has ended.
 */
export class LeaseGate {
  readonly #answers = new Map<string, Answer>();

  constructor(private readonly parts: LeaseGateParts) {}

  /** @throws S3Error AccessDenied; SlowDown when the scheduler does not answer, so that the node tries again */
  async check({ leaseId, taskId, instance, expiresAt }: LeaseClaims): Promise<void> {
    if (this.parts.now() >= expiresAt) throw accessDenied('The lease has expired.');
    const isCurrent = await this.#ask({ leaseId, taskId, instance }).catch((cause: unknown) => {
      throw s3Error('SlowDown', 'Whether the lease is current cannot be known now. Please try again.', {}, { cause });
    });
    if (!isCurrent) throw accessDenied('The lease is not current.');
  }

  /** The log says so: what the scheduler answered before is not true any more. */
  end(leaseId: string): void {
    // Nobody who was not asked about needs to be remembered: the scheduler knows that it has ended.
    if (this.#answers.has(leaseId))
      this.#answers.set(leaseId, { at: this.parts.now(), isCurrent: Promise.resolve(false) });
  }

  #ask(lease: { readonly leaseId: string; readonly taskId: string; readonly instance: number }): Promise<boolean> {
    const known = this.#answers.get(lease.leaseId);
    if (known && this.parts.now() - known.at < ANSWER_AGE_MS) return known.isCurrent;
    if (this.#answers.size >= MAX_ANSWERS) this.#forgetOld();
    const isCurrent = this.parts.isCurrent(lease);
    const answer = { at: this.parts.now(), isCurrent };
    this.#answers.set(lease.leaseId, answer);
    isCurrent.catch(() => {
      if (this.#answers.get(lease.leaseId) === answer) this.#answers.delete(lease.leaseId);
    });
    return isCurrent;
  }

  #forgetOld(): void {
    for (const [leaseId, { at }] of this.#answers)
      if (this.parts.now() - at >= ANSWER_AGE_MS) this.#answers.delete(leaseId);
  }
}
