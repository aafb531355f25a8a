import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { parseWireDate, secretAccessesSchema, type WireSecretAccesses } from '@fornax/contracts';
import { CurrentAccount, type Account } from '@fornax/identity';
import { ZodQuery } from '@fornax/service-kit';
import { z } from 'zod';
import { SecretAccesses } from '../queries/secret-accesses.js';

const date = z.string().transform((text, issues): number => {
  const at = parseWireDate(text);
  if (at !== undefined) return at;
  issues.addIssue({ code: 'custom', message: 'must be a date in ISO 8601' });
  return z.NEVER;
});

const place = z
  .string()
  .regex(/^\d{1,15}\.\d{1,9}$/, '`next` of the page before')
  .transform((text): readonly [string, string] => {
    const [sequence = '', position = ''] = text.split('.');
    return [sequence, position];
  });

const accessesQuerySchema = z.object({
  key: z.string().min(1).max(1_025).optional(),
  taskUuid: z.string().min(1).max(128).optional(),
  from: date.optional(),
  to: date.optional(),
  after: place.optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});

/** Who was given secrets of an account. */
@ApiTags('secrets')
@Controller('fornax/v1/secrets')
export class SecretAccessesController {
  constructor(private readonly accesses: SecretAccesses) {}

  @Get('accesses')
  @ApiOperation({
    summary:
      'Who was given which secret of the account, newest first, without values: one `key` (or all below `folder/`), one task, a time',
  })
  @ApiOkResponse({ standardSchema: secretAccessesSchema })
  list(
    @ZodQuery(accessesQuerySchema) asked: z.output<typeof accessesQuerySchema>,
    @CurrentAccount() account: Account,
  ): Promise<WireSecretAccesses> {
    const { key, taskUuid: taskId, from, to, after, limit: most } = asked;
    return this.accesses.of(account.id, { key, taskId, from, to, after, most });
  }
}
