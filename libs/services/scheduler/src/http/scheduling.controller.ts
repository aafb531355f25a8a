import { Controller, Get, Param, Redirect } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { OperatorOnly } from '@fornax/identity';
import { RpcClient } from '@fornax/base';
import { overviewReplySchema, type OverviewReply } from '../rpc/schemas.js';
import { SCHEDULER_RPC } from '../rpc/subjects.js';

/** Permanent Redirect: the method stays. */
const MOVED_FOR_GOOD = 308;

/** Any replica answers, by asking the one that leads. */
@ApiTags('scheduling')
@Controller('fornax/v1/scheduling')
export class SchedulingController {
  constructor(private readonly rpc: RpcClient) {}

  @Get()
  @OperatorOnly()
  @ApiOperation({ summary: 'The queue and what is free, as the leading scheduler sees it' })
  @ApiOkResponse({ standardSchema: overviewReplySchema })
  overview(): Promise<OverviewReply> {
    return this.rpc.request(SCHEDULER_RPC.overview, {}, overviewReplySchema);
  }

  // The location is a path below the platform's address, where the router or the one process stands: a scheduler's own port does not serve it.
  @Get('tasks/:id/waiting')
  @Redirect('', MOVED_FOR_GOOD)
  @ApiOperation({ summary: 'Moved to /fornax/v1/tasks/{id}/waiting at the address of the platform', deprecated: true })
  waiting(@Param('id') taskId: string): { readonly url: string } {
    return { url: `/fornax/v1/tasks/${encodeURIComponent(taskId)}/waiting` };
  }
}
