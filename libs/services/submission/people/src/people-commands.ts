import { Inject, Injectable } from '@nestjs/common';
import {
  type AccountCommand,
  accountDecider,
  type AccountEvent,
  type Decider,
  type OrganisationCommand,
  organisationDecider,
} from '@fornax/domain';
import { decideAndAppend, type EventLog } from '@fornax/event-store';
import { CLOCK, CORE_CONFIG, type CoreConfig, EVENT_LOG } from '@fornax/service-kit';
import { AccountDirectory, userMeta, type Owner, type RequestContext } from '@fornax/identity';
import { derivedId, type Clock, newId } from '@fornax/base';

/** A command without its time, whatever the union. */
type Timeless<C> = C extends unknown ? Omit<C, 'at'> : never;

/** Appends what is decided about accounts and organizations; a command answers once this process acts on it. */
@Injectable()
export class PeopleCommands {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    private readonly accounts: AccountDirectory,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(CORE_CONFIG) private readonly config: CoreConfig,
  ) {}

  /** @returns the events that came of it: none when nothing was to change */
  async account(
    id: string,
    command: Timeless<AccountCommand>,
    context: RequestContext,
  ): Promise<readonly AccountEvent[]> {
    return this.append({ kind: 'user', id }, accountDecider, { ...command, at: this.clock.now() }, context);
  }

  async organisation(
    id: string,
    command: Timeless<OrganisationCommand>,
    context: RequestContext,
  ): Promise<readonly AccountEvent[]> {
    return this.append(
      { kind: 'organisation', id },
      organisationDecider,
      { ...command, at: this.clock.now() },
      context,
    );
  }

  private async append<S, C extends { readonly at: number }>(
    owner: Owner,
    decider: Decider<S, C, AccountEvent>,
    command: C,
    context: RequestContext,
  ): Promise<readonly AccountEvent[]> {
    const { id } = owner;
    const { sequence, events } = await decideAndAppend({
      log: this.log,
      aggregate: 'account',
      id,
      decider,
      command,
      commitId: commitIdOf(id, command, context),
      meta: userMeta('submission', context, owner),
      at: command.at,
    });
    await this.accounts.knows(sequence, this.config.readYourWritesTimeoutMs);
    return events;
  }
}

/** A repeated request finds its commit; another one under the same key does not, and is decided as what it is. */
const commitIdOf = (id: string, { at: _, ...command }: { readonly at: number }, context: RequestContext): string =>
  context.idempotencyKey === undefined
    ? newId()
    : derivedId('people', context.account.id, context.idempotencyKey, id, JSON.stringify(command));
