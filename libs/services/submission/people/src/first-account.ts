import { readFile } from 'node:fs/promises';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { accountDecider } from '@fornax/domain';
import { CommandRejected, decideAndAppend, loadAggregate, type EventLog } from '@fornax/event-store';
import { CLOCK, EVENT_LOG, HealthRegistry, WriteStops } from '@fornax/service-kit';
import { AccountDirectory, hashToken, Sealer } from '@fornax/identity';
import { derivedId, type Clock, ConfigError, newId } from '@fornax/base';
import { PEOPLE_CONFIG, type PeopleConfig } from './people-config.js';
import { OPERATOR_QUOTAS } from './new-quotas.js';

/** Always the same for one e-mail, so that two processes that start together make one account. */
export const accountIdOf = (email: string): string => derivedId('account', email.toLowerCase());

/** Makes the first account and its token from the settings. Starting again changes nothing; another token in the file is issued besides. */
@Injectable()
export class FirstAccount implements OnApplicationBootstrap {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly sealer: Sealer,
    private readonly accounts: AccountDirectory,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(PEOPLE_CONFIG) private readonly config: PeopleConfig,
    private readonly stops: WriteStops,
    private readonly health: HealthRegistry,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (!this.config.bootstrap) return;
    const { email, token: source } = this.config.bootstrap;
    const token = 'text' in source ? checkedToken(source.text, 'FORNAX_BOOTSTRAP_TOKEN') : await readToken(source.file);
    await this.accounts.ready;
    const accountId = accountIdOf(email);
    const known = this.accounts.byToken(token);
    this.health.warning('lost-tokens', () => lostText(this.accounts.lostTokens()));
    const isOurs = known?.id === accountId;
    if (isOurs && this.accounts.canSign(token)) return;
    await this.stops.onceAllowed('the first account', () =>
      this.make(accountId, email, token, isOurs ? known.tokenId : undefined),
    );
  }

  /** @param before the same token, sealed with a master key that is lost: it is issued anew, and this one is revoked */
  private async make(accountId: string, email: string, token: string, before?: string): Promise<void> {
    const at = this.clock.now();
    const meta = { actor: 'service:submission' as const, source: 'submission', correlationId: newId() };
    const subject = { log: this.log, aggregate: 'account' as const, id: accountId, decider: accountDecider, meta, at };
    const load = () => loadAggregate(this.log, 'account', accountId, accountDecider);
    const loaded = await load();
    const created = loaded.state.exists
      ? loaded
      : await decideAndAppend({
          ...subject,
          loaded,
          command: { type: 'CreateAccount', accountId, email, role: 'operator', quotas: OPERATOR_QUOTAS, at },
          commitId: derivedId('create-account', accountId),
        }).catch((error: unknown) => {
          // Another replica that started at the same time was first.
          if (error instanceof CommandRejected && error.rejection.code === 'account-exists') return load();
          throw error;
        });
    const hash = hashToken(token);
    const key = before === undefined ? [] : [this.sealer.fingerprint('token')];
    const tokenId = derivedId('token', accountId, hash, ...key);
    const issued = await decideAndAppend({
      ...subject,
      loaded: { state: created.state, sequence: created.sequence },
      command: {
        type: 'IssueToken',
        tokenId,
        name: 'bootstrap',
        hash,
        sealedSecret: this.sealer.sealWithMaster(token),
        at,
      },
      commitId: derivedId('issue-token', tokenId),
    });
    if (before === undefined || before === tokenId) return;
    await decideAndAppend({
      ...subject,
      loaded: { state: issued.state, sequence: issued.sequence },
      command: { type: 'RevokeToken', tokenId: before, at },
      commitId: derivedId('revoke-token', before),
    });
  }
}

const MOST_NAMED = 20;

const lostText = ({ tokens, emails }: ReturnType<AccountDirectory['lostTokens']>): string | undefined => {
  if (tokens === 0) return undefined;
  const names = [...emails.slice(0, MOST_NAMED), ...(emails.length > MOST_NAMED ? ['…'] : [])].join(', ');
  return (
    `${tokens} tokens were sealed with a master key that is lost: they open the API, but not the S3 endpoint. ` +
    `Their owners make new ones (fornax token create) and revoke the old: ${names}`
  );
};

const readToken = async (file: string): Promise<string> =>
  checkedToken(
    await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new ConfigError([`FORNAX_BOOTSTRAP_TOKEN_FILE: ${cause instanceof Error ? cause.message : String(cause)}`]);
    }),
    'FORNAX_BOOTSTRAP_TOKEN_FILE',
  );

const checkedToken = (text: string, setting: string): string => {
  const token = text.trim();
  if (token.length < 16) throw new ConfigError([`${setting} must hold a token of at least 16 characters`]);
  return token;
};
