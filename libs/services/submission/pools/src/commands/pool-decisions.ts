import { Injectable } from '@nestjs/common';
import type { PoolCommand, PoolState } from '@fornax/domain';
import type { RequestContext } from '@fornax/identity';
import { UnsettledCommands, type CommandName, type ObjectDecision } from '@fornax/tasks';
import { PoolBarrier } from '../model/pool-barrier.js';
import { KnownPools } from '../queries/known-pools.js';
import type { PoolStatus } from '../model/pool-status.js';
import { PoolCommits } from './pool-commits.js';

type Command = ObjectDecision<PoolState, PoolCommand>['command'];

/** Decides what users ask of pools that there are, each request once. */
@Injectable()
export class PoolDecisions {
  constructor(
    private readonly unsettled: UnsettledCommands,
    private readonly commits: PoolCommits,
    private readonly barrier: PoolBarrier,
    private readonly known: KnownPools,
  ) {}

  /** A command that is repeated without a key, because nobody knew whether the first one was carried out, goes on with the first one. */
  once(
    type: Command['type'],
    id: string,
    context: RequestContext,
    work: (again: CommandName | undefined) => Promise<void>,
    body: unknown = null,
  ): Promise<void> {
    return this.unsettled.once(context, [type, id, body], `the pool ${id} was changed`, work);
  }

  /** Waits until the stored folds show what was committed before. */
  caughtUp(): Promise<boolean> {
    return this.barrier.caughtUp();
  }

  /** Decides on the stored fold, reading only what came after it, and answers once a read shows it. @throws CommandRejected */
  async decide(
    { poolId, fold, sequence }: PoolStatus,
    command: Command,
    context: RequestContext,
    again?: CommandName,
  ): Promise<void> {
    const hasBody = command.type === 'UpdatePool' || command.type === 'ChangeScaling';
    const loaded = { state: fold, sequence };
    const asked = { id: poolId, owner: fold.owner, command, context, again, hasBody, loaded };
    await this.barrier.passed(await this.commits.decideOnRequest(asked));
    this.known.forget([poolId]);
  }
}
