import { Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiConflictResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  priceDocumentJsonSchema,
  priceDocumentOf,
  priceDocumentSchema,
  priceSimulationSchema,
  publishedListSchema,
  simulatedPriceSchema,
  wireDate,
  type PriceDocument,
  type PriceSimulation,
  type SimulatedPrice,
  type WirePublishedList,
} from '@fornax/contracts';
import { listsInTime, type ListInTime, type PriceList } from '@fornax/domain';
import { NotFound, type Clock } from '@fornax/base';
import { CLOCK, DocumentBody, WireBody } from '@fornax/service-kit';
import { CurrentAccount, CurrentContext, OperatorOnly, type Account, type RequestContext } from '@fornax/identity';
import { z } from 'zod';
import { PublishPriceList } from '../pricing/publish-price-list.handler.js';
import { LedgerReader } from '../queries/ledger-reader.js';
import { simulatedPrice } from '../pricing/simulated-price.js';

const published = ({ list: { priceList, from, sequence }, endsAt, replacedBy }: ListInTime): WirePublishedList => ({
  version: priceList.version,
  currency: priceList.currency,
  validFrom: wireDate(from),
  validUntil: priceList.validUntil === undefined ? null : wireDate(priceList.validUntil),
  endsAt: endsAt === undefined ? null : wireDate(endsAt),
  replacedBy: replacedBy ?? null,
  sequence,
});

/** Who has a discount is the operators' business, not that of the other accounts. */
const withoutProjects = ({ projectDiscounts: _others, ...priceList }: PriceList): PriceList => priceList;

/** Price lists: operators publish them, everybody may read what computing costs. */
@ApiTags('billing')
@Controller('fornax/v1/billing/prices')
export class PricesController {
  constructor(
    private readonly publishing: PublishPriceList,
    private readonly ledger: LedgerReader,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @OperatorOnly()
  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'Publish the next price list; what waits for a price that it gives is rated' })
  @ApiOkResponse({ standardSchema: publishedListSchema })
  @ApiConflictResponse({ description: 'Another list was published at the same moment' })
  async publish(
    @DocumentBody(priceDocumentSchema) document: PriceDocument,
    @CurrentContext() context: RequestContext,
  ): Promise<WirePublishedList> {
    const sequence = await this.publishing.execute(document, context);
    const lists = listsInTime(await this.ledger.priceLists());
    const found = lists.find(({ list }) => list.sequence === sequence);
    if (!found) throw new NotFound('The list was published and cannot be read');
    return published(found);
  }

  @Get()
  @ApiOperation({ summary: 'All price lists, in the order of their publication' })
  @ApiOkResponse({ standardSchema: z.array(publishedListSchema) })
  async list(): Promise<readonly WirePublishedList[]> {
    return listsInTime(await this.ledger.priceLists()).map(published);
  }

  @Post('simulate')
  @HttpCode(200)
  @ApiOperation({
    summary: 'What a task that is only thought of would cost by the list that holds now, without discounts',
    description:
      'From the cheapest to the dearest of the hardware that it may run on (`POST /fornax/v1/nodes/search` tells which). Each instance is rated as it will be.',
  })
  @ApiOkResponse({ standardSchema: simulatedPriceSchema })
  async simulate(@WireBody(priceSimulationSchema) thought: PriceSimulation): Promise<SimulatedPrice> {
    return simulatedPrice(await this.ledger.priceLists(), thought, this.clock.now());
  }

  @Get('schema')
  @ApiOperation({ summary: 'The JSON Schema of price lists' })
  schema(): object {
    return priceDocumentJsonSchema();
  }

  @Get(':version')
  @ApiOperation({
    summary: 'One price list, as the document that says it; discounts of projects are shown to operators',
  })
  async show(@CurrentAccount() { role }: Account, @Param('version') version: string): Promise<object> {
    const found = (await this.ledger.priceLists()).find(({ priceList }) => String(priceList.version) === version);
    if (!found) throw new NotFound(`No such price list: ${version}`);
    return priceDocumentOf(role === 'operator' ? found.priceList : withoutProjects(found.priceList));
  }
}
