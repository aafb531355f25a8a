import { Controller, Param, Post } from '@nestjs/common';
import { NotFound } from '@fornax/base';
import { ApiConflictResponse, ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  instanceSessionSchema,
  type SessionRequest,
  sessionRequestSchema,
  type WireInstanceSession,
} from '@fornax/contracts';
import { type Admission, CurrentAdmission, CurrentContext, type RequestContext } from '@fornax/identity';
import { DocumentBody } from '@fornax/service-kit';
import { Sessions } from '../ways/sessions.js';

/** Sessions of people in running instances. */
@ApiTags('network')
@Controller('fornax/v1/tasks/:id/instances/:instance/sessions')
export class InstanceSessionsController {
  constructor(private readonly sessions: Sessions) {}

  @Post()
  @ApiOperation({
    summary: 'Run a command in a running instance, or reach a port of it',
    description:
      'For its owner and operators. The answer says where the connection of the session is opened, over TCP, within ten seconds: its first line is `session <ticket>`, and the ticket is good once. What a command reads and prints then comes in frames; that of a forward says `connect` for each connection that is wanted (guide, ways in). Who opened it, the name of the program, its end and its exit code are events of the task; arguments are not kept.',
  })
  @ApiOkResponse({ standardSchema: instanceSessionSchema })
  @ApiNotFoundResponse()
  @ApiConflictResponse({
    description: 'The instance does not run, has as many sessions as it may, or its node has no way into it',
  })
  begin(
    @Param('id') id: string,
    @Param('instance') instance: string,
    @DocumentBody(sessionRequestSchema) request: SessionRequest,
    @CurrentContext() context: RequestContext,
    @CurrentAdmission() admission: Admission,
  ): Promise<WireInstanceSession> {
    if (!/^\d{1,9}$/.test(instance))
      throw new NotFound(`No such instance: ${instance}`, { code: 'instance-not-found' });
    return this.sessions.begin(id, Number(instance), request, { context, admission });
  }
}
