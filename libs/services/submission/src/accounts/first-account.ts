import { readFile } from 'node:fs/promises';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { accountDecider } from '@fornax/domain';
import { CommandRejected, decideAndAppend, loadAggregate, type EventLog } from '@fornax/event-store';
import {
  AccountDirectory,
  CLOCK,
  ConfigError,
  EVENT_LOG,
  hashToken,
  newId,
  Sealer,
  type Clock,
  WriteStops,
} from '@fornax/service-kit';
import { derivedId } from '../commands/request-context.js';
import { SUBMISSION_CONFIG, type SubmissionConfig } from '../config/submission-config.js';
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
    @Inject(SUBMISSION_CONFIG) private readonly config: SubmissionConfig,
    private readonly stops: WriteStops,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (!this.config.bootstrap) return;
    const { email, token: source } = this.config.bootstrap;
    const token = 'text' in source ? checkedToken(source.text, 'FORNAX_BOOTSTRAP_TOKEN') : await readToken(source.file);
    await this.accounts.ready;
    const accountId = accountIdOf(email);
    const known = this.accounts.byToken(token);
    if (known?.id === accountId) return;
    await this.stops.onceAllowed('the first account', () => this.make(accountId, email, token));
  }

  private async make(accountId: string, email: string, token: string): Promise<void> {
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
    const tokenId = derivedId('token', accountId, hash);
    await decideAndAppend({
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
  }
}

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
