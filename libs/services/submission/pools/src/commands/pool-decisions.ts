import { Injectable } from '@nestjs/common';
import { derivedId, newId } from '@fornax/base';
import type { PoolCommand, PoolState } from '@fornax/domain';
import { CommandRejected } from '@fornax/event-store';
import { userMeta, type RequestContext } from '@fornax/identity';
import { UnsettledCommands, type CommandName, type ObjectDecision } from '@fornax/tasks';
import { PoolBarrier } from '../model/pool-barrier.js';
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
  ) {}

  /** A command that is repeated without a key, because nobody knew whether the first one was carried out, goes on with the first one. */
  async once(
    type: Command['type'],
    id: string,
    context: RequestContext,
    work: (again: CommandName | undefined) => Promise<void>,
    body: unknown = null,
  ): Promise<void> {
    if (context.idempotencyKey !== undefined) return work(undefined);
    return this.unsettled.carryOut(context, [type, id, body], () => `the pool ${id} was changed`, work);
  }

  /** Decides on the stored fold, reading only what came after it, and answers once a read shows it. @throws CommandRejected */
  async decide(
    { poolId, fold, sequence }: PoolStatus,
    command: Command,
    context: RequestContext,
    again?: CommandName,
  ): Promise<void> {
    const commitId = again?.name ?? commitIdOf(command, poolId, context);
    const isRepeated = again?.isRepeated ?? context.idempotencyKey !== undefined;
    try {
      const appended = await this.commits.decide({
        id: poolId,
        command,
        commitId,
        meta: userMeta('submission', context, { kind: 'user', id: fold.owner }),
        loaded: { state: fold, sequence },
      });
      await this.barrier.passed(appended);
    } catch (error) {
      // Refused because it was done before: the answer of an earlier try was lost.
      if (error instanceof CommandRejected && isRepeated && (await this.commits.has(poolId, commitId))) return;
      throw error;
    }
  }
}

/** A request that is sent again under its key finds its own commit. A change has a body, so one key may stand for several of them. */
const commitIdOf = (command: Command, poolId: string, { account, idempotencyKey }: RequestContext): string =>
  idempotencyKey === undefined || command.type === 'UpdatePool' || command.type === 'ChangeScaling'
    ? newId()
    : derivedId(command.type, poolId, account.id, idempotencyKey);
