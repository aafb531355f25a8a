import { Readable } from 'node:stream';
import { Controller, Get, HttpCode, Inject, Param, Post, Res } from '@nestjs/common';
import {
  ApiConflictResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiTags,
} from '@nestjs/swagger';
import { NotFound, ValidationFailed, type Clock } from '@fornax/base';
import {
  pathOf,
  priceListOf,
  ratingRequestSchema,
  ratingSchema,
  wireDate,
  type RatingRequest,
  type WireRating,
  type WireRatingProgress,
} from '@fornax/contracts';
import { PARTS_PER_MICRO, priceListFaults, rounded, type PriceList } from '@fornax/domain';
import { CurrentContext, OperatorOnly, userMeta, type RequestContext } from '@fornax/identity';
import { CLOCK, DocumentBody, Idempotent, ZodQuery } from '@fornax/service-kit';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { LedgerReader } from '../queries/ledger-reader.js';
import { decimalText, instantOf, splitTexts } from '../queries/wire-statement.js';
import { readDifferences, type DifferenceRow, type RatingRun } from '../ratings/rating-rows.js';
import { RatingCommits } from '../ratings/rating-commits.js';
import { RatingRuns } from '../ratings/rating-runs.js';

const pageSchema = z.object({
  by: z.enum(['project', 'task']).default('project'),
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
});
type Page = z.output<typeof pageSchema>;

const micros = (parts: bigint): string => decimalText(rounded(parts, PARTS_PER_MICRO), 6);
const money = ({ attempts, before_parts, after_parts }: Omit<DifferenceRow, 'project' | 'task'>) => {
  const [before, after] = [BigInt(before_parts), BigInt(after_parts)];
  return {
    attempts: Number(attempts),
    before: micros(before),
    after: micros(after),
    difference: micros(after - before),
    ...splitTexts(after - before),
  };
};

/** What Fastify's answer is to this controller. */
interface Reply {
  readonly raw: { readonly destroyed: boolean; once(event: 'close', listener: () => void): unknown };
  header(name: string, value: string): Reply;
  send(body: Readable): unknown;
}

/** What a period would cost by other prices. It changes nothing until it is booked. */
@ApiTags('billing')
@Controller('fornax/v1/billing/ratings')
export class RatingsController {
  constructor(
    private readonly runs: RatingRuns,
    private readonly commits: RatingCommits,
    private readonly ledger: LedgerReader,
    @InjectDataSource('billing') private readonly db: DataSource,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @OperatorOnly()
  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Rate a period again in the background, by a list that was published, or by a document' })
  @ApiOkResponse({ standardSchema: ratingSchema })
  @ApiConflictResponse({ description: 'Too many others wait' })
  async begin(@DocumentBody(ratingRequestSchema) request: RatingRequest): Promise<WireRating> {
    const now = this.clock.now();
    const from = instantOf(request.from, request.timeZone, now);
    const to = request.to === undefined ? now : instantOf(request.to, request.timeZone, now);
    if (to < from) throw new ValidationFailed({ to: ['The period must not end before it begins.'] });
    const id = await this.runs.begin({ from, to, list: request.list, prices: await this.pricesOf(request) });
    return this.read(id, pageSchema.parse({}));
  }

  @OperatorOnly()
  @Get(':id')
  @ApiOperation({ summary: 'How far a rating is, and what it would change, by project or task' })
  @ApiOkResponse({ standardSchema: ratingSchema })
  @ApiNotFoundResponse({ description: 'There is none of that id, or no more: the last hundred are kept' })
  async read(@Param('id') id: string, @ZodQuery(pageSchema) page: Page): Promise<WireRating> {
    const run = await this.find(id);
    const { rows, total, count } = await readDifferences(this.db, id, page);
    return {
      ...stateOf(run),
      sums: money(total),
      by: page.by,
      count,
      rows: rows.map((row) => ({ project: row.project, task: row.task, ...money(row) })),
    };
  }

  @OperatorOnly()
  @Get(':id/events')
  @ApiOperation({
    summary: 'Follow a rating while it is rated or booked, as Server-Sent Events',
    description:
      'An event `rating` for each step, and the last one when nobody works at it any more; then the stream ends.',
  })
  @ApiProduces('text/event-stream')
  @ApiOkResponse({ schema: { type: 'string' } })
  @ApiNotFoundResponse()
  async follow(@Param('id') id: string, @Res() reply: Reply): Promise<void> {
    await this.find(id);
    const gone = new AbortController();
    if (reply.raw.destroyed) return;
    reply.raw.once('close', () => gone.abort());
    const { runs } = this;
    const text = async function* (): AsyncGenerator<string> {
      for await (const run of runs.follow(id, gone.signal))
        yield `event: rating\ndata: ${JSON.stringify(stateOf(run))}\n\n`;
    };
    void reply
      .header('content-type', 'text/event-stream; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('x-accel-buffering', 'no')
      // A connection kept alive after the stream would keep a process that ends from ending.
      .header('connection', 'close')
      .send(Readable.from(text(), { objectMode: false }));
  }

  @OperatorOnly()
  @Post(':id/commit')
  @HttpCode(200)
  @Idempotent({ service: 'billing', repeatable: true })
  @ApiOperation({
    summary: 'Book the difference as adjustments, in the background',
    description:
      'Each line that the rating prices otherwise gets one that corrects it. It is booked once, and not where something of the period was rated or corrected since.',
  })
  @ApiOkResponse({ standardSchema: ratingSchema })
  @ApiNotFoundResponse()
  @ApiConflictResponse({ description: 'It is not done, stale, of a list that was never published, or booked already' })
  async commit(@Param('id') id: string, @CurrentContext() context: RequestContext): Promise<WireRating> {
    const { wasBegunBefore } = context;
    await this.commits.begin(await this.find(id), userMeta('billing', context), wasBegunBefore);
    this.runs.wake();
    return this.read(id, pageSchema.parse({}));
  }

  private async find(id: string): Promise<RatingRun> {
    const run = await this.runs.read(id);
    if (!run) throw new NotFound(`No such rating: ${id}`, { code: 'rating-not-found' });
    return run;
  }

  /** A list that was never published; undefined: by a list that was, or by the lists that lines have. @throws ValidationFailed */
  private async pricesOf({ list, prices }: RatingRequest): Promise<PriceList | undefined> {
    if (list !== undefined && prices !== undefined)
      throw new ValidationFailed({ prices: ['A period is rated by a list or by a document, not by both.'] });
    const lists = await this.ledger.priceLists();
    if (prices) {
      const priceList = priceListOf(prices, 0);
      const [fault] = priceListFaults(priceList);
      if (fault) throw new ValidationFailed({ [`prices.${pathOf(fault.path)}`]: [fault.detail] });
      const currency = lists.at(-1)?.priceList.currency ?? priceList.currency;
      if (currency !== priceList.currency)
        throw new ValidationFailed({ 'prices.currency': [`The ledger is in ${currency}.`] });
      return priceList;
    }
    if (list === undefined) return undefined;
    const found = lists.find(({ priceList }) => priceList.version === list);
    if (!found) throw new ValidationFailed({ list: [`There is no price list ${list}.`] });
    return undefined;
  }
}

const stateOf = (run: RatingRun): WireRatingProgress => ({
  id: run.id,
  state: run.state,
  reason: run.reason,
  from: wireDate(Number(run.from_ms)),
  to: wireDate(Number(run.to_ms)),
  through: Number(run.through),
  list: run.list,
  total: Number(run.total),
  done: Number(run.done),
  booked: Number(run.booked),
  unrated: Number(run.unrated),
});
