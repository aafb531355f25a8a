import { describe, expect, it } from '@jest/globals';
import { defaultPriceList } from '@fornax/domain';
import { anEnd } from '@fornax/testing';
import { lineOf, priceListAt } from './ledger-line.js';

const list = (version: number) => ({ ...defaultPriceList, version });
const published = [
  { priceList: list(1), sequence: 5 },
  { priceList: list(2), sequence: 9 },
];

describe('the price list of a line', () => {
  it.each([
    [6, 1],
    [9, 1],
    [10, 2],
  ])('at sequence %i is version %i', (sequence, version) => {
    expect(priceListAt(published, sequence).version).toBe(version);
  });

  it('is the default one before any was published', () => {
    expect(priceListAt(published, 5)).toBe(defaultPriceList);
    expect(priceListAt([], 5)).toBe(defaultPriceList);
  });
});

it('refuses an attempt of a task that was never submitted', () => {
  const end = { taskId: 't', end: anEnd(0), sequence: 7, commitId: 'c' };
  expect(() => lineOf(end, new Map(), published)).toThrow('was never submitted');
});
