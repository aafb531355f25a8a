import type { LeaseClaims } from '@fornax/contracts';
import { S3Error, accessDenied } from '../s3/s3-error.js';

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

/** Lets a lease's requests through while the scheduler says that it is current; an answer is good for two seconds. */
export class LeaseGate {
  readonly #answers = new Map<string, Answer>();

  constructor(private readonly parts: LeaseGateParts) {}

  /** @throws S3Error AccessDenied; SlowDown when the scheduler does not answer, so that the node tries again */
  async check({ leaseId, taskId, instance, expiresAt }: LeaseClaims): Promise<void> {
    if (this.parts.now() >= expiresAt) throw accessDenied('The lease has expired.');
    const isCurrent = await this.#ask({ leaseId, taskId, instance }).catch((cause: unknown) => {
      throw new S3Error(
        'SlowDown',
        'Whether the lease is current cannot be known now. Please try again.',
        {},
        { cause },
      );
    });
    if (!isCurrent) throw accessDenied('The lease is not current.');
  }

  #ask(lease: { readonly leaseId: string; readonly taskId: string; readonly instance: number }): Promise<boolean> {
    const known = this.#answers.get(lease.leaseId);
    if (known && this.parts.now() - known.at < ANSWER_AGE_MS) return known.isCurrent;
    if (this.#answers.size >= MAX_ANSWERS) this.#forgetOld();
    const isCurrent = this.parts.isCurrent(lease);
    this.#answers.set(lease.leaseId, { at: this.parts.now(), isCurrent });
    isCurrent.catch(() => this.#answers.delete(lease.leaseId));
    return isCurrent;
  }

  #forgetOld(): void {
    for (const [leaseId, { at }] of this.#answers)
      if (this.parts.now() - at >= ANSWER_AGE_MS) this.#answers.delete(leaseId);
  }
}
