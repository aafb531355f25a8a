import { Inject, Injectable } from '@nestjs/common';
import type { TokenCreation, WireNewToken, WireToken } from '@fornax/contracts';
import { CLOCK } from '@fornax/service-kit';
import { AccountDirectory, hashToken, newTokenOf, type RequestContext, Sealer } from '@fornax/identity';
import { derivedId, type Clock, Conflict, newId, NotFound, ValidationFailed } from '@fornax/base';
import { PeopleCommands } from './people-commands.js';
import { isSessionName } from './session-names.js';
import { wireToken } from './wire-people.js';

/** The tokens of an account. The text of one is in the answer that creates it and nowhere else. */
@Injectable()
export class Tokens {
  constructor(
    private readonly accounts: AccountDirectory,
    private readonly commands: PeopleCommands,
    private readonly sealer: Sealer,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  of(accountId: string): readonly WireToken[] {
    const now = this.clock.now();
    return this.accounts.tokensOf(accountId).map((token) => wireToken(token, now));
  }

  /** @throws ValidationFailed the name is that of sessions @throws Conflict the request's key made a token already: that was shown once, and is not shown again */
  async create(
    accountId: string,
    { name, expirationDate }: TokenCreation,
    context: RequestContext,
  ): Promise<WireNewToken> {
    if (isSessionName(name))
      throw new ValidationFailed({ name: [`Sessions of browsers are called "${name}": take another name.`] });
    const { idempotencyKey, account } = context;
    const tokenId =
      idempotencyKey === undefined ? newId() : derivedId('token-of-request', accountId, account.id, idempotencyKey);
    const token = newTokenOf('token');
    const events = await this.commands.account(
      accountId,
      {
        type: 'IssueToken',
        tokenId,
        name,
        hash: hashToken(token),
        sealedSecret: this.sealer.sealWithMaster(token),
        ...(expirationDate === undefined ? {} : { expiresAt: expirationDate }),
      },
      context,
    );
    const [issued] = events;
    if (issued?.type !== 'TokenIssued')
      throw new Conflict('This Idempotency-Key made a token, which is not shown again', {
        code: 'idempotency-key-used',
      });
    const facts = { id: tokenId, name, createdAt: issued.at, expiresAt: issued.expiresAt ?? null };
    return { ...wireToken(facts, this.clock.now()), token };
  }

  /** Opens nothing any more once this is answered. @throws NotFound no such token of this account */
  async revoke(accountId: string, tokenId: string, context: RequestContext): Promise<void> {
    if (!this.accounts.tokensOf(accountId).some(({ id }) => id === tokenId))
      throw new NotFound('No such token', { code: 'token-not-found' });
    await this.commands.account(accountId, { type: 'RevokeToken', tokenId }, context);
  }
}
