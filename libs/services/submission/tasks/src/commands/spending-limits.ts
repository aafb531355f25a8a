import { Injectable } from '@nestjs/common';
import { PaymentRequired } from '@fornax/base';
import { AccountDirectory, type Account } from '@fornax/identity';

const SAID = {
  credits: {
    message: 'Not enough credits: this account has used up what it was granted',
    code: 'credits-exhausted',
  },
  budget: { message: 'Not enough credits: a budget of the project is used up', code: 'budget-exhausted' },
} as const;

/** Refuses what is new while credits or a budget are used up. It asks what this process knows: billing has said it in the log, and is not asked. */
@Injectable()
export class SpendingLimits {
  constructor(private readonly accounts: AccountDirectory) {}

  /** @throws PaymentRequired in words without "hardware constraint", by which a client would take it for another refusal (contract, 5.20) */
  check({ id }: Account, projectUuid: string | undefined): void {
    const hold = this.accounts.holdOf(id, projectUuid);
    if (!hold) return;
    const { message, code } = SAID[hold.kind];
    throw new PaymentRequired(message, { code });
  }
}
