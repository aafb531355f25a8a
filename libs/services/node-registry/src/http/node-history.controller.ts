import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { EventLog } from '@fornax/event-store';
import { EVENT_LOG, ZodQuery } from '@fornax/service-kit';
import { OperatorOnly } from '@fornax/identity';
import { NotFound } from '@fornax/base';
import { z } from 'zod';
import { nodeEventsOf, nodeEventSchema, type WireNodeEvent } from './wire-node-event.js';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;

const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(least).max(most));

const querySchema = z.object({
  after: wholeNumber(0, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Only commits after this sequence; `next` of the page before'),
  limit: wholeNumber(1, MAX_LIMIT)
    .optional()
    .describe(`Commits on a page, 1 to ${MAX_LIMIT}; ${DEFAULT_LIMIT} if absent`),
});

const historySchema = z.object({
  nodeId: z.string(),
  events: z.array(nodeEventSchema),
  /** `after` of the next page; null when there is nothing more yet. */
  next: z.int().nullable(),
});
interface NodeHistory {
  readonly nodeId: string;
  readonly events: readonly WireNodeEvent[];
  readonly next: number | null;
}

/** What the log tells about one node. */
@ApiTags('nodes')
@Controller('fornax/v1/nodes/:id/events')
export class NodeHistoryController {
  constructor(@Inject(EVENT_LOG) private readonly log: EventLog) {}

  @Get()
  @OperatorOnly()
  @ApiOperation({
    summary: 'Everything that happened to a node, in order: joined, lost, drained, resumed, retired; who, when, why',
  })
  @ApiOkResponse({ standardSchema: historySchema })
  async events(
    @Param('id') nodeId: string,
    @ZodQuery(querySchema) { after = 0, limit = DEFAULT_LIMIT }: z.output<typeof querySchema>,
  ): Promise<NodeHistory> {
    const commits = await this.log.readAggregate('node', nodeId, after, limit + 1);
    if (commits.length === 0 && after === 0) throw new NotFound('No such node', { code: 'node-not-found' });
    const page = commits.slice(0, limit);
    const next = commits.length > limit ? (page.at(-1)?.sequence ?? null) : null;
    return { nodeId, events: page.flatMap(nodeEventsOf), next };
  }
}
