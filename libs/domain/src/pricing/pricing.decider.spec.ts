import type { PriceList, PricingCommand, PricingEvent } from './pricing.events.js';
import { describe, expect, it } from '@jest/globals';
import { specFor } from '../specs/given.fixture.js';
import { defaultPriceList } from './default-price-list.js';
import { priceListFaults } from './price-list-faults.js';
import { pricingDecider } from './pricing.decider.js';

const at = 1_000;
const { given } = specFor(pricingDecider);
const publish = (priceList: PriceList, now = at): PricingCommand => ({ type: 'PublishPriceList', priceList, at: now });
const published = (priceList: PriceList, now = at): PricingEvent => ({
  type: 'PriceListPublished',
  priceList,
  at: now,
});
const second = { ...defaultPriceList, version: 2 };

describe('price lists', () => {
  it('follow each other without a gap', () => {
    given().when(publish(defaultPriceList)).then(published(defaultPriceList));
    given(published(defaultPriceList))
      .when(publish(second, at + 1))
      .then(published(second, at + 1));
    given(published(defaultPriceList)).when(publish(defaultPriceList)).thenRejected('price-list-version');
    given().when(publish(second)).thenRejected('price-list-version');
  });

  it.each([-1, 0.5, Number.NaN])('hold no price of %s', (price) =>
    given()
      .when(publish({ ...defaultPriceList, workMicrosPerGhzCoreHour: { flex: price, onDemand: 1, reserved: 1 } }))
      .thenRejected('bad-price-list'),
  );

  it('begin where the one before ends, or else while that holds, and not in the past', () => {
    const ending = published({ ...defaultPriceList, validUntil: 5_000 });
    given(ending)
      .when(publish({ ...second, validFrom: 6_000 }))
      .thenRejected('price-list-gap');
    given(ending)
      .when(publish({ ...second, validFrom: 4_000 }))
      .thenRejected('price-list-overlap');
    const next = { ...second, validFrom: 5_000 };
    given(ending).when(publish(next)).then(published(next));
    // Also after that end has passed: what ran since then waits for a price.
    given(ending).when(publish(next, 9_000)).then(published(next, 9_000));
    given(ending).when(publish(second, 9_000)).thenRejected('price-list-gap');

    const open = published({ ...defaultPriceList, validFrom: 5_000 });
    given(open)
      .when(publish({ ...second, validFrom: 5_000 }, 9_000))
      .thenRejected('price-list-overlap');
    given(open)
      .when(publish({ ...second, validFrom: 8_000 }, 9_000))
      .thenRejected('price-list-past');
    given()
      .when(publish({ ...defaultPriceList, validFrom: 5_000, validUntil: 5_000 }))
      .thenRejected('price-list-empty');
  });

  it('may be replaced as long as they do not hold: a slip in a year stands in the way of none', () => {
    const ending = published({ ...defaultPriceList, validUntil: 5_000 });
    const far = published({ ...second, validFrom: 4_000_000 });
    const third = { ...defaultPriceList, version: 3 };
    const from = (validFrom: number) => ({ ...third, validFrom });
    given(published(defaultPriceList), far).when(publish(third, 2_000)).then(published(third, 2_000));
    given(published(defaultPriceList), far)
      .when(publish(from(3_000), 2_000))
      .then(published(from(3_000), 2_000));
    given(published(defaultPriceList), far)
      .when(publish(from(1_500), 2_000))
      .thenRejected('price-list-past');
    given(published(defaultPriceList), far)
      .when(publish(from(4_000_000), 4_000_000))
      .thenRejected('price-list-overlap');

    // What holds already keeps its time.
    const next = published({ ...second, validFrom: 5_000, validUntil: 8_000 });
    given(ending, next)
      .when(publish(from(4_999), 2_000))
      .thenRejected('price-list-overlap');
    given(ending, next)
      .when(publish(from(8_001), 2_000))
      .thenRejected('price-list-gap');
    given(ending, next)
      .when(publish(from(5_000), 2_000))
      .then(published(from(5_000), 2_000));
    given(ending, next)
      .when(publish(from(7_000), 2_000))
      .then(published(from(7_000), 2_000));
    // Also behind one that was replaced, and then replaced in turn.
    given(ending, next, published(from(7_000)))
      .when(publish({ ...from(4_999), version: 4 }, 2_000))
      .thenRejected('price-list-overlap');
  });

  it('are all in one currency: sums are over many of them', () =>
    given(published(defaultPriceList))
      .when(publish({ ...second, currency: 'CHF' }, at + 1))
      .thenRejected('price-list-currency'));

  it.each<[string, Partial<PriceList>, readonly (string | number)[], string]>([
    [
      'a gap between volumes',
      {
        volumeDiscounts: [
          { fromMicros: 10, untilMicros: 20, basisPoints: 100 },
          { fromMicros: 30, basisPoints: 200 },
        ],
      },
      ['discounts', 'volume', 1],
      'gap',
    ],
    [
      'volumes that overlap',
      {
        volumeDiscounts: [
          { fromMicros: 10, basisPoints: 100 },
          { fromMicros: 30, basisPoints: 200 },
        ],
      },
      ['discounts', 'volume', 1],
      'overlaps',
    ],
    [
      'more than all of it',
      { projectDiscounts: [{ projectUuid: 'p', basisPoints: 10_001 }] },
      ['discounts', 'projects', 0, 'percent'],
      'between 0 and 100',
    ],
    ['hardware that no class takes', { hardware: defaultPriceList.hardware.slice(0, 2) }, ['hardware', 1], 'gap'],
    [
      'a class that another one hides',
      { hardware: [...defaultPriceList.hardware.slice(0, 1), { ...hidden() }, ...defaultPriceList.hardware.slice(2)] },
      ['hardware', 1],
      'overlaps with class 1',
    ],
    ['a negative minimum', { minimumMicros: -1 }, ['minimum'], 'not negative'],
    [
      'a second discount for a project',
      { projectDiscounts: ['p', 'q', 'p'].map((projectUuid) => ({ projectUuid, basisPoints: 1 })) },
      ['discounts', 'projects', 2, 'project'],
      'overlaps',
    ],
    ['nodes that are free', { assumedMilliGhz: 0 }, ['assumedGhz'], 'more than 0'],
    ['no unit to round to', { roundingMicros: 0 }, ['rounding'], 'rounded to 0'],
  ])('have no %s', (_what, change, path, text) => {
    const [fault, ...others] = priceListFaults({ ...defaultPriceList, ...change });
    expect(fault).toEqual({ path, detail: expect.stringContaining(text) });
    expect(others).toEqual([]);
    given()
      .when(publish({ ...defaultPriceList, ...change }))
      .thenRejected('bad-price-list');
  });

  it('that ships has no fault', () => expect(priceListFaults(defaultPriceList)).toEqual([]));
});

function hidden() {
  return { match: 'AMD-EPYC', microsPerCoreHour: { flex: 1, onDemand: 1, reserved: 1 } };
}
