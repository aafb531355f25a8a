import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import {
  apportion,
  emptyBill,
  foldBill,
  PARTS_PER_MICRO,
  PARTS_PER_NANO,
  rounded,
  type AttemptEnd,
} from '@fornax/domain';
import { anEnd, AT, concluded, requeued, submitted } from '@fornax/testing';

const page = readFileSync(new URL('../../../../../docs/guide/bills.md', import.meta.url), 'utf8');

interface Shown {
  readonly end: AttemptEnd;
  readonly rule: string;
  /** In ninths of a nano-unit. */
  readonly ninths: bigint;
  readonly micros: number;
}

/** `1388 8/9` in ninths. */
const ninthsOf = (text: string): bigint => {
  const [, whole = '', over = '0', under = '1'] = /^(\d+)(?: (\d+)\/(\d+))?$/.exec(text) ?? [];
  return BigInt(whole) * 9n + (BigInt(over) * 9n) / BigInt(under);
};

const cellsOf = (line: string): readonly string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll(/[`*]/g, ''));

const table = page
  .split('## A worked example')[1]
  ?.split('\n## ')[0]
  ?.split('\n')
  .filter((line) => line.startsWith('|'));
const rows = (table ?? []).slice(2).map(cellsOf);

const shownIn = ([
  instance,
  attempt,
  ms,
  cores,
  ghz,
  cause,
  rule = '',
  exact = '',
  micros,
]: readonly string[]): Shown => ({
  end: anEnd(Number(instance), {
    attempt: Number(attempt),
    startedAt: AT,
    endedAt: AT + Number.parseInt(ms ?? '', 10),
    cores: Number(cores),
    hardware: { specificationKey: 'x', cpuModel: 'x', cores: 8, ghz: Number(ghz) },
    ...(cause === 'success' ? {} : { outcome: 'failure', cause: cause as 'user' | 'node-lost' }),
  }),
  rule,
  ninths: ninthsOf(exact),
  micros: Number(micros),
});

it('the example of the guide is what the bill comes to', () => {
  const total = rows.at(-1) ?? [];
  const shown = rows.slice(0, -1).map(shownIn);
  expect(shown).toHaveLength(4);

  const state = emptyBill();
  const isLost = ({ end }: Shown): boolean => end.cause === 'node-lost';
  const events = [
    submitted('t'),
    requeued(...shown.filter(isLost).map(({ end }) => end)),
    concluded(...shown.filter((one) => !isLost(one)).map(({ end }) => end)),
  ];
  const { lines } = foldBill(state, { id: 'c', sequence: 1, aggregateId: 't', events });
  const amounts = lines.map(({ rating }) => rating.amount);
  const sum = amounts.reduce((a, b) => a + b, 0n);

  expect(lines.map(({ rating }) => rating.rule)).toEqual(shown.map(({ rule }) => rule));
  expect(amounts.map((amount) => amount * 9n)).toEqual(shown.map(({ ninths }) => ninths * PARTS_PER_NANO));
  expect(apportion(amounts, PARTS_PER_MICRO).map(Number)).toEqual(shown.map(({ micros }) => micros));
  expect(sum * 9n).toBe(ninthsOf(total[7] ?? '') * PARTS_PER_NANO);
  expect(Number(rounded(sum, PARTS_PER_MICRO))).toBe(Number(total[8]));
});
