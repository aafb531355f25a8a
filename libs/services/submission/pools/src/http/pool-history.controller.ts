import { Controller, Get, Param, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { poolSchema, type WirePool } from '@fornax/contracts';
import { CurrentAccount, type Account } from '@fornax/identity';
import { AskedPage, AsksForPage, pageOfEvents, parseAsOf, TaskHistory, type PlaceInHistory } from '@fornax/tasks';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { KnownSlots } from '../queries/known-slots.js';
import { PoolAnswers } from '../queries/pool-answers.js';
import { PoolAsOf } from '../queries/pool-as-of.js';
import { PoolLookup } from '../queries/pool-lookup.js';
import { poolView } from '../queries/pool-view.js';

const historySchema = z.object({
  poolId: z.string(),
  ...pageOfEvents,
});

/** What the log tells about one pool: what happened, and how it stood at any time. */
@ApiTags('history')
@Controller('fornax/v1/pools/:id')
export class PoolHistoryController {
  constructor(
    private readonly pools: KnownSlots,
    private readonly history: TaskHistory,
    private readonly past: PoolAsOf,
    private readonly lookup: PoolLookup,
    private readonly answers: PoolAnswers,
  ) {}

  @Get()
  @ApiOperation({
    summary: 'A pool as it is now, or as it stood at a moment of the past; instances of its tasks are counted now only',
  })
  @ApiQuery({ name: 'asOf', required: false, description: 'Sequence of the log, or instant (RFC 3339)' })
  @ApiOkResponse({ standardSchema: poolSchema })
  async read(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query('asof') asOf?: unknown,
  ): Promise<WirePool> {
    if (asOf === undefined) return this.answers.alone(await this.lookup.find(account, id));
    const moment = parseAsOf(String(asOf));
    const { id: poolId } = await this.pools.known(account, id);
    const { status, now } = await this.past.read(poolId, moment);
    reply.header('fornax-sequence', String(status.sequence)).header('fornax-as-of', new Date(now).toISOString());
    return poolView(status, undefined, now, new Map());
  }

  @Get('events')
  @ApiOperation({ summary: 'Everything that happened to a pool, in order: who, when, why. Deleted pools too, by id' })
  @AsksForPage()
  @ApiOkResponse({ standardSchema: historySchema })
  async events(
    @Param('id') id: string,
    @CurrentAccount() account: Account,
    @AskedPage() { from, most }: PlaceInHistory,
  ): Promise<z.output<typeof historySchema>> {
    const pool = await this.pools.known(account, id);
    const { events, next } = await this.history.pageOf('pool', pool, from, most);
    return { poolId: pool.id, events: [...events], next };
  }
}
