import { applyDecorators, Controller, Get, Inject, Res } from '@nestjs/common';
import { ApiConflictResponse, ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Clock } from '@fornax/base';
import { OperatorOnly } from '@fornax/identity';
import type { FastifyReply } from 'fastify';
import { CLOCK } from '../core/tokens.js';
import { EVENT_STREAM_CONTENT } from '../http/openapi/event-stream.js';
import { AuditAnswers } from './audit-answers.js';
import { logAuditor } from './log-audit.js';

/** What a route says that lets an operator audit something, as Server-Sent Events. @param findings what may be found */
export const Audits = (summary: string, findings: string): MethodDecorator =>
  applyDecorators(
    OperatorOnly(),
    ApiOperation({
      summary: `${summary}, as Server-Sent Events`,
      description:
        `Messages: \`progress\`, each \`finding\` (${findings}; with the task and the sequences), and at last ` +
        '`end` with how many there were, or `failed` with what kept the log from being read. One audit at a time.',
    }),
    ApiProduces('text/event-stream'),
    ApiOkResponse({ content: EVENT_STREAM_CONTENT }),
    ApiConflictResponse({ description: 'An audit is under way' }),
  );

/** Lets an operator audit what the event log says: the platform looks at itself. */
@ApiTags('operations')
@Controller('fornax/v1/log')
export class LogAuditController {
  constructor(
    private readonly answers: AuditAnswers,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get('audit')
  @Audits(
    'Fold the event log from its beginning and check the invariants',
    'what was run or billed twice, not billed, forgotten, written past the fence',
  )
  audit(@Res() reply: FastifyReply): void {
    this.answers.send(reply, () => logAuditor(() => this.clock.now()));
  }
}
