import { Injectable } from '@nestjs/common';
import { AccountDirectory } from '@fornax/identity';

/** Delays the events of a disabled account: its webhooks deliver them when the account is enabled again. */
@Injectable()
export class AccountGate {
  private readonly waiting = new Set<() => void>();

  constructor(private readonly accounts: AccountDirectory) {
    accounts.onChange(() => {
      for (const look of [...this.waiting]) look();
    });
  }

  /** Resolves while the account is not disabled, or when the signal aborts. */
  async open(accountId: string, signal: AbortSignal): Promise<void> {
    while (this.accounts.byId(accountId)?.isDisabled === true && !signal.aborted) await this.change(signal);
  }

  private change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        this.waiting.delete(look);
        signal.removeEventListener('abort', look);
        resolve();
      };
      this.waiting.add(look);
      signal.addEventListener('abort', look);
    });
  }
}
