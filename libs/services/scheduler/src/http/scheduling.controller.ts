import { Controller, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RPC, waitingReplySchema } from '@fornax/contracts';
import { AccountDirectory, CurrentAccount, OperatorOnly, type Account } from '@fornax/identity';
import { NotFound, RpcClient } from '@fornax/base';
import { z } from 'zod';
import { overviewReplySchema, type OverviewReply } from '../rpc/schemas.js';
import { SCHEDULER_RPC } from '../rpc/subjects.js';

/** Why an unfinished task waits now. */
export const waitingAnswerSchema = z.object({
  taskId: z.string(),
  /** Instances that wait. */
  waiting: z.int(),
  /** no-node, nodes-drain, disks-full, nodes-away, no-node-fits, fleet-full, quota; null when nothing waits for room. */
  reason: z.string().nullable(),
  detail: z.string().nullable(),
  /** RFC 3339; null when nothing waits. */
  waitingSince: z.string().nullable(),
});
export type WaitingAnswer = z.output<typeof waitingAnswerSchema>;

/** Any replica answers, by asking the one that leads. */
@ApiTags('scheduling')
@Controller('fornax/v1/scheduling')
export class SchedulingController {
  constructor(
    private readonly rpc: RpcClient,
    private readonly accounts: AccountDirectory,
  ) {}

  @Get()
  @OperatorOnly()
  @ApiOperation({ summary: 'The queue and what is free, as the leading scheduler sees it' })
  @ApiOkResponse({ standardSchema: overviewReplySchema })
  overview(): Promise<OverviewReply> {
    return this.rpc.request(SCHEDULER_RPC.overview, {}, overviewReplySchema);
  }

  @Get('tasks/:id/waiting')
  @ApiOperation({ summary: 'Why a task that is not over waits now' })
  @ApiOkResponse({ standardSchema: waitingAnswerSchema })
  async waiting(@Param('id') taskId: string, @CurrentAccount() account: Account): Promise<WaitingAnswer> {
    const reply = await this.rpc.request(RPC.waiting, { taskId }, waitingReplySchema);
    if (!reply.known || !this.accounts.reaches(account, reply.owner, 'look'))
      throw new NotFound('No such unfinished task');
    const { waiting, reason, detail, waitingSince } = reply;
    return {
      taskId,
      waiting,
      reason,
      detail,
      waitingSince: waitingSince === null ? null : new Date(waitingSince).toISOString(),
    };
  }
}
