import { timingSafeEqual } from 'node:crypto';
import type { EventLog } from '@fornax/event-store';
import type { RecordedCommit } from '@fornax/contracts';
import type { AccountEvent } from '@fornax/domain';
import type { Sealer } from '../secrets/sealer.js';
import { AccountsFold, hashToken, type Account } from './account.js';

const ACCOUNT_EVENTS: readonly string[] = [
  'AccountCreated',
  'TokenIssued',
  'TokenRevoked',
] satisfies readonly AccountEvent['type'][];
const isAccountEvent = (event: { readonly type: string }): event is AccountEvent => ACCOUNT_EVENTS.includes(event.type);

/**
 * All accounts and tokens, in memory: a fold of `fx.ev.account.*` from the beginning of the log, then live. Every process has its
 * own, so a token issued elsewhere is known here a moment later.
 */
export class AccountDirectory {
  /** Resolves once everything that was in the log at the start is folded. */
  readonly ready: Promise<void>;
  private readonly fold = new AccountsFold();
  private readonly stop = new AbortController();
  private readonly following: Promise<void>;
  private caughtUp = false;

  constructor(
    log: EventLog,
    private readonly sealer: Sealer,
  ) {
    const replayed = this.replay(log);
    this.ready = replayed.then(() => undefined);
    this.following = replayed.then((next) => this.follow(log, next));
    // The one who awaits `ready` or `close` sees the failure; without a listener here it would end the process first.
    this.following.catch(() => undefined);
    this.ready.catch(() => undefined);
  }

  isReady(): boolean {
    return this.caughtUp;
  }

  /** The lookup is by SHA-256 of the token, so its timing says nothing about how much of a guess was right. */
  byToken(token: string): Account | undefined {
    const hash = hashToken(token);
    const record = this.fold.tokensByHash.get(hash);
    if (!record || !timingSafeEqual(Buffer.from(record.hash), Buffer.from(hash))) return undefined;
    const account = this.fold.accounts.get(record.accountId);
    return account && { ...account, tokenId: record.tokenId };
  }

  byId(id: string): Account | undefined {
    const account = this.fold.accounts.get(id);
    return account && { ...account, tokenId: '' };
  }

  /** The account of an e-mail (in any case) and the S3 secrets that it may sign with: one for each live token. */
  byEmail(email: string): { readonly account: Account; readonly secrets: readonly string[] } | undefined {
    const account = this.byId(this.fold.idOfEmail(email) ?? '');
    if (!account) return undefined;
    return {
      account,
      secrets: this.fold.tokensOf(account.id).map((token) => this.sealer.openWithMaster(token.sealedSecret)),
    };
  }

  isEmpty(): boolean {
    return this.fold.accounts.size === 0;
  }

  all(): readonly Account[] {
    return [...this.fold.accounts.values()].map((account) => ({ ...account, tokenId: '' }));
  }

  async close(): Promise<void> {
    this.stop.abort();
    await this.following.catch(() => undefined);
  }

  private async replay(log: EventLog): Promise<number> {
    const { sequence } = await log.head();
    if (sequence > 0) {
      for await (const batch of log.read({ from: 1, to: sequence, aggregates: ['account'] })) this.applyAll(batch);
    }
    this.caughtUp = true;
    return sequence + 1;
  }

  private follow(log: EventLog, from: number): Promise<void> {
    return log.subscribe({ from, aggregates: ['account'], signal: this.stop.signal }, (batch) => {
      this.applyAll(batch);
      return Promise.resolve();
    });
  }

  private applyAll(batch: readonly RecordedCommit[]): void {
    for (const event of batch.flatMap((commit) => commit.events)) if (isAccountEvent(event)) this.fold.apply(event);
  }
}
