import { readFile } from 'node:fs/promises';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HealthRegistry, WriteStops } from '@fornax/service-kit';
import { AccountDirectory } from '@fornax/identity';
import { derivedId, ConfigError } from '@fornax/base';
import { BootstrapAccount } from './bootstrap-account.js';
import { PEOPLE_CONFIG, type PeopleConfig } from './people-config.js';

/** Always the same for one e-mail, so that two processes that start together make one account. */
export const accountIdOf = (email: string): string => derivedId('account', email.toLowerCase());

/** Makes the first account and its token from the settings. Starting again changes nothing; another token in the file is issued besides. */
@Injectable()
export class FirstAccount implements OnApplicationBootstrap {
  constructor(
    private readonly account: BootstrapAccount,
    private readonly accounts: AccountDirectory,
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
      this.account.make(accountId, email, token, isOurs ? known.tokenId : undefined),
    );
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
