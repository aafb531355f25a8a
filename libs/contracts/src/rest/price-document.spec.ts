import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { defaultPriceList, type PriceList } from '@fornax/domain';
import { priceDocumentJsonSchema, priceDocumentOf, priceDocumentSchema, priceListOf } from './price-document.js';
import { documentReader } from './document-reader.js';

const file = new URL('../../../../docs/reference/price-list.schema.json', import.meta.url);
const text = `${JSON.stringify(priceDocumentJsonSchema(), null, 2)}\n`;
if (process.env['UPDATE_GENERATED'] === '1') writeFileSync(file, text);

const read = documentReader(priceDocumentSchema);
const full: PriceList = {
  ...defaultPriceList,
  version: 7,
  validFrom: Date.UTC(2027, 0, 1),
  validUntil: Date.UTC(2028, 0, 1),
  minimumMicros: 100,
  roundingMicros: 10_000,
  payers: { user: 'user', limit: 'user', platform: 'platform', 'node-lost': 'platform', preempted: 'platform' },
  volumeDiscounts: [
    { fromMicros: 1_000_000_000, untilMicros: 5_000_000_000, basisPoints: 500 },
    { fromMicros: 5_000_000_000, basisPoints: 1_250 },
  ],
  projectDiscounts: [{ projectUuid: 'p', basisPoints: 2_000 }],
  assumedMilliGhz: 2_500,
};

describe('a document of prices', () => {
  it('has its schema in docs/reference as it is generated now (UPDATE_GENERATED=1 writes it)', () => {
    expect(existsSync(file) ? readFileSync(file, 'utf8') : '').toBe(text);
  });

  it.each([defaultPriceList, full])('says the list that it was made from (%#)', (list) => {
    const document = priceDocumentOf(list);
    const result = read(document);
    if (!result.ok) throw new Error(JSON.stringify(result.errors));
    expect(priceListOf(result.value, list.version)).toEqual(list);
    expect(document.work.flex).toBe('0.004');
  });

  it.each<[string, object, string, RegExp]>([
    [
      'a negative rate',
      { work: { flex: '-0.004', onDemand: '1', reserved: '1' } },
      'work.flex',
      /must not be negative/,
    ],
    ['a plan that nobody knows', { work: { ...priceDocumentOf(full).work, spot: '1' } }, 'work.spot', /no such field/],
    ['no price for a plan', { work: { flex: '1', onDemand: '1' } }, 'work.reserved', /^The value is missing/],
    ['a number for an amount', { minimum: 0.004 }, 'minimum', /text in quotes/],
    ['too many decimals', { minimum: '0.0000001' }, 'minimum', /at most six decimals/],
    ['too many digits', { minimum: '1234567890' }, 'minimum', /^The value must be an amount with at most nine digits/],
    ['no amount', { minimum: '' }, 'minimum', /^The value must be an amount with at most nine digits/],
    ['no date', { validFrom: '2027-02-30' }, 'validFrom', /date and time/],
    ['another payer', { payers: { ...full.payers, user: 'nobody' } }, 'payers.user', /one of user, platform/],
  ])('is refused with %s, by its place', (_what, change, path, message) => {
    const result = read({ ...priceDocumentOf(full), ...change });
    expect(result.ok).toBe(false);
    if (!result.ok) expect(result.errors[path]?.join(' ')).toMatch(message);
  });
});
