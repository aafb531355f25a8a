import { Inject, Injectable } from '@nestjs/common';
import { newId, ValidationFailed, type Clock } from '@fornax/base';
import { pathOf, priceListOf, type CommitMeta, type PriceDocument } from '@fornax/contracts';
import { priceListFaults, pricingDecider, type PriceList } from '@fornax/domain';
import { CommandRejected, decideAndAppend, type EventLog } from '@fornax/event-store';
import { userMeta, type Asking } from '@fornax/identity';
import { CLOCK, EVENT_LOG } from '@fornax/service-kit';
import { LedgerReader } from '../queries/ledger-reader.js';

/** Id of the one pricing aggregate there is. */
const PRICING_ID = 'default';

interface Publication {
  readonly priceList: PriceList;
  readonly commitId: string;
  readonly meta: CommitMeta;
}

/** Decides on the next price list and appends it. @throws CommandRejected */
export const publishPriceList = (
  log: EventLog,
  { priceList, commitId, meta }: Publication,
  at: number,
): ReturnType<typeof decideAndAppend> =>
  decideAndAppend({
    log,
    aggregate: 'pricing',
    id: PRICING_ID,
    decider: pricingDecider,
    command: { type: 'PublishPriceList', priceList, at },
    commitId,
    meta,
    at,
  });

/** Which field of the document a rejection is about, where it is about one. */
const FIELDS: Readonly<Record<string, string>> = {
  'price-list-currency': 'currency',
  'price-list-gap': 'validFrom',
  'price-list-overlap': 'validFrom',
  'price-list-past': 'validFrom',
  'price-list-empty': 'validUntil',
};

/** Publishes the price list that a document says. */
@Injectable()
export class PublishPriceList {
  constructor(
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly ledger: LedgerReader,
  ) {}

  /** @returns the sequence of its commit @throws ValidationFailed with the fields that are wrong; CommandRejected */
  async execute(document: PriceDocument, asking: Asking): Promise<number> {
    const last = (await this.ledger.priceLists()).at(-1)?.priceList.version ?? 0;
    const priceList = priceListOf(document, last + 1);
    const faults = Map.groupBy(priceListFaults(priceList), ({ path }) => pathOf(path));
    if (faults.size > 0)
      throw new ValidationFailed(
        Object.fromEntries([...faults].map(([path, found]) => [path, found.map(({ detail }) => detail)])),
      );
    try {
      const publication = { priceList, commitId: newId(), meta: userMeta('billing', asking) };
      return (await publishPriceList(this.log, publication, this.clock.now())).sequence;
    } catch (error) {
      const field = error instanceof CommandRejected ? FIELDS[error.rejection.code] : undefined;
      if (!(error instanceof CommandRejected) || field === undefined) throw error;
      throw new ValidationFailed({ [field]: [error.rejection.detail] });
    }
  }
}
