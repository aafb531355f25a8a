import { Inject, Injectable } from '@nestjs/common';
import { wireDate, type WireSession, type WireSignInLink } from '@fornax/contracts';
import { MAX_LIVE_TOKENS } from '@fornax/domain';
import { CLOCK, HeaderChecks } from '@fornax/service-kit';
import {
  AccountDirectory,
  contextOf,
  hashToken,
  isSessionToken,
  makerOfCode,
  newSignInCode,
  newTokenOf,
  Sealer,
  tokenOf,
  type Account,
  type RequestContext,
} from '@fornax/identity';
import { type Clock, newId, Unauthorized } from '@fornax/base';
import type { FastifyRequest } from 'fastify';
import { PEOPLE_CONFIG, type PeopleConfig } from './people-config.js';
import { PeopleCommands } from './people-commands.js';
import { isSessionName, SESSION_NAMES } from './session-names.js';

/** Name of the check for what a session is opened with: a token, another session, or a code that opens one once. */
export const SIGN_IN_CHECK = 'sign-in';

/** More sessions, or more links, than this an account does not have at once: a new one takes the place of the oldest. */
const MOST_OF_A_KIND = 20;
const LINK_LASTS_MS = 10 * 60_000;
const PAGE = '/ui/';

/** A session that was opened, and what its cookie is made of. */
export interface OpenedSession extends WireSession {
  readonly text: string;
  readonly lastsMs: number;
}

/**
 * Sessions of browsers. One is a token of its account that lives shorter, and is listed, revoked and expires as all tokens do: every process knows of it
 * from the log, and a disabled account's are void at once.
 */
@Injectable()
export class Sessions {
  constructor(
    private readonly accounts: AccountDirectory,
    private readonly commands: PeopleCommands,
    private readonly sealer: Sealer,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(PEOPLE_CONFIG) private readonly config: PeopleConfig,
  ) {}

  /** Lets whoever holds a token or a code in to be signed in or out. */
  registerIn(checks: HeaderChecks): void {
    checks.register(SIGN_IN_CHECK, ({ headers }) => this.accountWith(tokenOf(headers.authorization)) !== undefined);
  }

  /**
   * Opens a session with the token or the code of a request. A session ends no later than the token that opened it, or that made its link.
   * @throws Unauthorized neither is good any more; a code was used by somebody else a moment before, or the token that made it is revoked
   */
  async open(request: FastifyRequest): Promise<OpenedSession> {
    const presented = tokenOf(request.headers.authorization);
    const account = this.accountWith(presented);
    if (account === undefined) throw new Unauthorized();
    const context = contextOf(request, account);
    const isCode = this.accounts.byToken(presented) === undefined;
    if (isCode) await this.useUp(account, context);
    const leftMs = isCode ? this.msLeftOfMaker(account, presented) : this.accounts.msLeftOf(presented);
    if (leftMs <= 0) throw new Unauthorized();
    return this.begin(account, context, Math.min(this.config.sessionMs, leftMs));
  }

  /** Opens a session of an account that was proven otherwise than by a token. */
  openFor(account: Account, context: RequestContext): Promise<OpenedSession> {
    return this.begin(account, context, this.config.sessionMs);
  }

  private async begin(account: Account, context: RequestContext, lastsMs: number): Promise<OpenedSession> {
    await this.makeRoom(account, context, SESSION_NAMES.session);
    const text = newTokenOf('session');
    const expiresAt = this.clock.now() + lastsMs;
    const sealedSecret = this.sealer.sealWithMaster(text);
    const token = await this.issue(account, context, { name: SESSION_NAMES.session, text, sealedSecret, expiresAt });
    await this.dropExpired(account, context);
    return { token, expirationDate: wireDate(expiresAt), text, lastsMs };
  }

  /** Makes a code that opens one session of an account within minutes. */
  async link(context: RequestContext): Promise<WireSignInLink> {
    const { account } = context;
    await this.makeRoom(account, context, SESSION_NAMES.link);
    const code = newSignInCode(account.tokenId);
    const expiresAt = this.clock.now() + LINK_LASTS_MS;
    await this.issue(account, context, { name: SESSION_NAMES.link, text: code, sealedSecret: '', expiresAt });
    return { code, path: `${PAGE}#sign-in=${code}`, expirationDate: wireDate(expiresAt) };
  }

  /** Ends the session of a request. A token that is no session stays: it was not made here. */
  async close(request: FastifyRequest): Promise<void> {
    const presented = tokenOf(request.headers.authorization);
    const account = this.accounts.byToken(presented);
    if (account === undefined || !isSessionToken(presented)) return;
    await this.revoke(account, account.tokenId, contextOf(request, account));
  }

  private accountWith(presented: string): Account | undefined {
    return this.accounts.byToken(presented) ?? this.accounts.bySignInCode(presented);
  }

  /** Of several who have one code, the log lets the first one in. */
  private async useUp(account: Account, context: RequestContext): Promise<void> {
    const revoked = await this.revoke(account, account.tokenId, context);
    if (!revoked) throw new Unauthorized();
  }

  private async revoke({ id }: Pick<Account, 'id'>, tokenId: string, context: RequestContext): Promise<boolean> {
    // Under no key of the request's: repeated, it must find that it was done.
    const once = { ...context, idempotencyKey: undefined };
    const events = await this.commands.account(id, { type: 'RevokeToken', tokenId }, once);
    return events.length > 0;
  }

  private async issue(
    { id }: Account,
    context: RequestContext,
    { text, ...token }: Readonly<Record<'name' | 'text' | 'sealedSecret', string>> & { readonly expiresAt: number },
  ): Promise<string> {
    const tokenId = newId();
    const command = { type: 'IssueToken', tokenId, hash: hashToken(text), ...token } as const;
    await this.commands.account(id, command, { ...context, idempotencyKey: undefined });
    return tokenId;
  }

  private msLeftOfMaker({ id }: Account, code: string): number {
    const maker = this.accounts.tokensOf(id).find((token) => token.id === makerOfCode(code));
    return maker ? (maker.expiresAt ?? Infinity) - this.clock.now() : 0;
  }

  /** Ends the oldest of its kind where there are too many, so that who signs in often is never kept out by it, nor leaves no room for tokens made by hand. */
  private async makeRoom({ id }: Account, context: RequestContext, name: string): Promise<void> {
    const now = this.clock.now();
    const live = this.accounts.tokensOf(id).filter(({ expiresAt }) => expiresAt === null || expiresAt > now);
    const ofKind = live.filter((token) => token.name === name && token.expiresAt !== null);
    const tooMany = Math.max(ofKind.length - MOST_OF_A_KIND, live.length - MAX_LIVE_TOKENS) + 1;
    for (const token of ofKind.slice(0, Math.max(0, tooMany))) await this.revoke({ id }, token.id, context);
  }

  /** So that a list of tokens does not grow with each day on which somebody signs in. */
  private async dropExpired(account: Account, context: RequestContext): Promise<void> {
    const now = this.clock.now();
    const expired = this.accounts
      .tokensOf(account.id)
      .filter(({ name, expiresAt }) => isSessionName(name) && expiresAt !== null && expiresAt <= now);
    for (const { id } of expired) await this.revoke(account, id, context);
  }
}
