import { Controller, Get, Inject } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { JetStreamLog, type EventLog } from '@fornax/event-store';
import { z } from 'zod';
import { AdmittedBy } from '@fornax/identity';
import { EVENT_LOG } from '../core/tokens.js';
import { Unavailable } from '@fornax/base';
import { RECOVERY_CHECK } from '../http/door/operator-check.js';
import { ZodQuery } from '../http/zod-parameters.js';

/** A request takes a second or two; whoever wants the whole log asks again behind `to`. */
const MAX_AT_ONCE = 50_000;

const querySchema = z.object({
  from: z.coerce.number().int().min(1).default(1).describe('First sequence'),
  most: z.coerce.number().int().min(1).max(MAX_AT_ONCE).default(20_000).describe('Sequences at most'),
});

const verificationSchema = z.object({
  from: z.int(),
  to: z.int().describe('Last sequence that was looked at'),
  head: z.int().describe('Last sequence of the log'),
  commits: z.int(),
  withoutChecksum: z.int().describe('Of these, commits that are older than checksums'),
  damage: z.array(
    z.object({
      id: z.string().describe('In the quarantine'),
      from: z.int(),
      through: z.int(),
      missing: z.int(),
      kind: z.enum(['missing', 'changed']),
      reason: z.string(),
      isGivenUp: z.boolean().describe('An operator has decided to go on without it'),
    }),
  ),
});
type Verification = z.output<typeof verificationSchema>;

/** What an operator asks about the event log itself. */
@ApiTags('operations')
@Controller('fornax/v1/log')
export class LogController {
  constructor(@Inject(EVENT_LOG) private readonly log: EventLog) {}

  @AdmittedBy(RECOVERY_CHECK)
  @Get('verify')
  @ApiOperation({
    summary:
      'Check a part of the event log: each sequence is there and holds what was appended. Damage is put into the quarantine',
  })
  @ApiOkResponse({ standardSchema: verificationSchema })
  async verify(@ZodQuery(querySchema) query: z.output<typeof querySchema>): Promise<Verification> {
    if (!(this.log instanceof JetStreamLog)) throw new Unavailable('This log cannot be verified');
    const { head, damage, ...counts } = await this.log.verify(query);
    const places = damage.map(({ isGap, ...place }) => ({
      ...place,
      kind: isGap ? ('missing' as const) : ('changed' as const),
    }));
    return { ...counts, head: head.sequence, damage: places };
  }
}
