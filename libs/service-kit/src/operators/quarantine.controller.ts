import type { IncomingHttpHeaders } from 'node:http';
import { Controller, Get, Headers, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  ApiBody,
  ApiConflictResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiQuery,
  ApiTags,
} from '@nestjs/swagger';
import { MAX_REASON_CHARS, reasonSchema } from '@fornax/contracts';
import { z } from 'zod';
import { AccountDirectory, AdmittedBy, reasonIn } from '@fornax/identity';
import { deciderOf, RECOVERY_CHECK } from '../http/door/operator-check.js';
import { ZodBody } from '../http/zod-parameters.js';
import {
  QuarantineReview,
  detailSchema,
  entrySchema,
  type EntryDetail,
  type EntryView,
} from '../quarantine/quarantine-review.js';

const decisionSchema = z.object({ reason: reasonSchema.nullish() }).nullish();
type Decision = z.output<typeof decisionSchema>;
const REASON = {
  schema: { type: 'object', properties: { reason: { type: 'string', maxLength: MAX_REASON_CHARS } } },
  required: false,
} as const;

/** Messages that nobody could read and folds that threw: the rest goes on without them until an operator decides. */
@ApiTags('operations')
@Controller('fornax/v1/log/quarantine')
export class QuarantineController {
  constructor(
    private readonly review: QuarantineReview,
    private readonly accounts: AccountDirectory,
  ) {}

  @AdmittedBy(RECOVERY_CHECK)
  @Get()
  @ApiOperation({ summary: 'What is put aside and waits for a decision; everything that ever was with all=true' })
  @ApiQuery({ name: 'all', required: false, description: 'true: also what was decided' })
  @ApiOkResponse({ standardSchema: z.array(entrySchema) })
  list(@Query('all') all?: string): readonly EntryView[] {
    return this.review.list(all === 'true' || all === '1');
  }

  @AdmittedBy(RECOVERY_CHECK)
  @Get(':id')
  @ApiOperation({ summary: 'One entry with its headers and the beginning of its body' })
  @ApiOkResponse({ standardSchema: detailSchema })
  @ApiNotFoundResponse({ description: 'no such entry' })
  show(@Param('id') id: string): Promise<EntryDetail> {
    return this.review.show(id);
  }

  @AdmittedBy(RECOVERY_CHECK)
  @Post(':id/drop')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Leave it out for good; who, when and why are kept. Commands on its aggregate are taken again',
  })
  @ApiBody(REASON)
  @ApiOkResponse({ standardSchema: entrySchema })
  @ApiConflictResponse({ description: 'it was folded meanwhile' })
  drop(
    @Param('id') id: string,
    @ZodBody(decisionSchema) body: Decision,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<EntryView> {
    return this.review.drop(id, deciderOf(this.accounts, headers), reasonIn(body, headers) ?? null);
  }

  @AdmittedBy(RECOVERY_CHECK)
  @Post(':id/retry')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Read and fold it again, after an upgrade that understands it: the read models it belongs to are rebuilt',
  })
  @ApiBody(REASON)
  @ApiOkResponse({ standardSchema: entrySchema })
  @ApiConflictResponse({ description: 'it still cannot be read, or it was dropped' })
  retry(
    @Param('id') id: string,
    @ZodBody(decisionSchema) body: Decision,
    @Headers() headers: IncomingHttpHeaders,
  ): Promise<EntryView> {
    return this.review.retry(id, deciderOf(this.accounts, headers), reasonIn(body, headers) ?? null);
  }
}
