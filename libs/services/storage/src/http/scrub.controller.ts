import { Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiConflictResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type ObjectsScrub, objectsScrubSchema } from '@fornax/contracts';
import { CurrentContext, OperatorOnly, type RequestContext } from '@fornax/identity';
import { LocalObjectStore, type ObjectStore } from '@fornax/object-store';
import { LOGGER, ZodQuery } from '@fornax/service-kit';
import { Conflict } from '@fornax/base';
import { z } from 'zod';
import { DamageNotes } from '../store/damage-notes.js';
import { OBJECT_STORE, type ServiceLogger } from '../config/tokens.js';

/** How long one part takes, unless its last object is large. */
const PART_MS = 2_000;
const MIB = 1024 * 1024;

const querySchema = z.object({
  after: z
    .string()
    .max(4_096)
    .regex(/^[^/\0]+\/[^\0]+$/, 'must be <bucket>/<key>')
    .optional()
    .describe('`next` of the part before; from the beginning when absent'),
  mibPerSecond: z.coerce.number().min(1).max(10_000).default(50).describe('Most MiB to read in a second'),
});

/** Reads what is stored and compares it, before somebody needs it. */
@ApiTags('operations')
@OperatorOnly()
@Controller('fornax/v1/buckets')
export class ScrubController {
  constructor(
    @Inject(OBJECT_STORE) private readonly store: ObjectStore,
    private readonly notes: DamageNotes,
    @Inject(LOGGER) private readonly logger: ServiceLogger,
  ) {}

  @Post('scrub')
  @HttpCode(200)
  @ApiOperation({
    summary:
      'Compare the bytes of some stored objects with their checksums; changes none of them, notes what is damaged in the log, and says where to go on',
  })
  @ApiOkResponse({ standardSchema: objectsScrubSchema })
  @ApiConflictResponse({ description: 'Objects are kept by an S3 service, or files and index do not belong together' })
  async scrub(
    @ZodQuery(querySchema) { after, mibPerSecond }: z.output<typeof querySchema>,
    @CurrentContext() context: RequestContext,
  ): Promise<ObjectsScrub> {
    if (!(this.store instanceof LocalObjectStore))
      throw new Conflict('Objects are kept by an S3 service, which has to look after their bytes itself', {
        code: 'no-local-objects',
      });
    const trouble = this.store.trouble();
    if (trouble !== undefined)
      throw new Conflict(`Objects cannot be read now: ${trouble}`, { code: 'objects-not-served' });
    const part = await this.store.scrub({
      maxMs: PART_MS,
      bytesPerSecond: mibPerSecond * MIB,
      ...(after === undefined ? {} : { after }),
    });
    for (const finding of part.findings)
      this.logger.error({ ...finding }, 'a stored object is damaged: put its file back, or store it again');
    return { ...part, findings: [...(await this.notes.note(after, part, context))] };
  }
}
