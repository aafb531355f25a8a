import type { PriceList, PricingCommand, PricingEvent } from './pricing.events.js';
import { describe, it } from '@jest/globals';
import { defaultPriceList } from '../rating/rate.js';
import { specFor } from '../specs/given.fixture.js';
import { pricingDecider } from './pricing.decider.js';

const at = 1_000;
const { given } = specFor(pricingDecider);
const publish = (priceList: PriceList): PricingCommand => ({ type: 'PublishPriceList', priceList, at });
const published = (priceList: PriceList): PricingEvent => ({ type: 'PriceListPublished', priceList, at });
const second = { ...defaultPriceList, version: 2 };

describe('price lists', () => {
  it('follow each other without a gap', () => {
    given().when(publish(defaultPriceList)).then(published(defaultPriceList));
    given(published(defaultPriceList)).when(publish(second)).then(published(second));
    given(published(defaultPriceList)).when(publish(defaultPriceList)).thenRejected('price-list-version');
    given().when(publish(second)).thenRejected('price-list-version');
  });
  it.each([-1, 0.5, Number.NaN])('hold no price of %s', (price) =>
    given()
      .when(publish({ ...defaultPriceList, workMicrosPerGhzCoreHour: { flex: price, onDemand: 1, reserved: 1 } }))
      .thenRejected('bad-price-list'),
  );
});
