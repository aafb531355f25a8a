import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AT, anEnd, concluded, poolCreated, requeued, slotsEnded, submitted } from '../specs/facts.fixture.js';
import { defaultPriceList } from '../pricing/default-price-list.js';
import type { PriceList, PricingEvent } from '../pricing/pricing.events.js';
import type { PoolEvent } from '../pool/pool.events.js';
import type { AttemptEnd, TaskEvent } from '../task/task.events.js';
import { PARTS_PER_MICRO, rounded } from './exact-amount.js';
import { emptyBill, foldBill, priceListAt, type BilledCommit, type BillLine, type BillState } from './bill-fold.js';

const HOUR_MS = 3_600_000;
type Written = readonly [string, ...(TaskEvent | PoolEvent | PricingEvent)[]];

/** A log of commits, each of one aggregate. */
const logOf = (...written: readonly Written[]): readonly BilledCommit[] =>
  written.map(([aggregateId, ...events], index) => ({ id: `c${index + 1}`, sequence: index + 1, aggregateId, events }));
const billOf = (log: readonly BilledCommit[], state: BillState = emptyBill()) => {
  const entries = log.map((commit) => foldBill(state, commit));
  return {
    state,
    lines: entries.flatMap(({ lines }) => lines),
    parked: entries.flatMap(({ parked }) => parked),
  };
};
const microsOf = (lines: readonly BillLine[]): readonly number[] =>
  lines.map(({ rating }) => Number(rounded(rating.amount, PARTS_PER_MICRO)));

const lasting = (instance: number, ms: number, more: Partial<AttemptEnd> = {}): AttemptEnd =>
  anEnd(instance, { startedAt: AT, endedAt: AT + ms, ...more });
const published = (change: Partial<PriceList>, at = 0): PricingEvent => ({
  type: 'PriceListPublished',
  priceList: { ...defaultPriceList, ...change },
  at,
});

describe('the bill', () => {
  it('has a line for each attempt, with its event, and none for what runs in a slot', () => {
    const lost = lasting(0, HOUR_MS, { outcome: 'failure', cause: 'node-lost' });
    const { lines } = billOf(
      logOf(
        ['t', submitted('t')],
        ['t', requeued(lost)],
        ['t', concluded(lasting(0, HOUR_MS, { attempt: 2 }), lasting(1, HOUR_MS, { inSlot: 'slot-1' }))],
      ),
    );
    expect(lines.map(({ end, rating, sequence, commitId }) => [end.attempt, rating.rule, sequence, commitId])).toEqual([
      [1, 'free/node-lost', 2, 'c2'],
      [2, 'work/flex', 3, 'c3'],
    ]);
    expect(microsOf(lines)).toEqual([0, 10_000]);
  });

  it('waives what never started', () => {
    const { startedAt: _never, ...end } = lasting(0, 0, { outcome: 'cancelled' });
    const failed = { ...end, instance: 1, outcome: 'failure', cause: 'user' } as const;
    const broken = { ...end, instance: 2, outcome: 'failure', cause: 'platform' } as const;
    const { lines } = billOf(logOf(['t', submitted('t')], ['t', concluded(end, failed, broken)]));
    expect(lines.map(({ rating }) => rating.rule)).toEqual(['free/not-started', 'free/not-started', 'free/platform']);
  });

  it('bills the slots of a pool while they are held, each time anew', () => {
    const { lines } = billOf(
      logOf(
        ['prices', published({ minimumMicros: 100 })],
        ['p', poolCreated('p')],
        ['p', slotsEnded(lasting(0, HOUR_MS, { cores: 2 }), lasting(1, 1))],
        ['p', slotsEnded(lasting(0, 1, { attempt: 2 }))],
      ),
    );
    expect(microsOf(lines)).toEqual([20_000, 100, 100]);
    expect(lines[0]?.usage).toMatchObject({ milliCores: 2_000, memoryMB: 512 });
  });

  it('asks the minimum of an instance once, of its last attempt', () => {
    const again = { outcome: 'failure', cause: 'user' } as const;
    const { lines } = billOf(
      logOf(
        ['prices', published({ minimumMicros: 100 })],
        ['t', submitted('t')],
        ['t', requeued(lasting(0, 18_000, again))],
        ['t', concluded(lasting(0, 1, { attempt: 2 }), lasting(1, 1))],
      ),
    );
    expect(microsOf(lines)).toEqual([50, 50, 100]);
  });

  it('is by the list that held when the attempt started, whatever was published since', () => {
    const lists = [
      published({ validFrom: 100, validUntil: 200 }),
      published({ version: 2, validFrom: 200 }),
      published({ version: 3 }, 300),
    ].map((event, sequence) => ({ priceList: event.priceList, from: event.priceList.validFrom ?? event.at, sequence }));
    const versions = [99, 100, 199, 200, 299, 300].map((at) => priceListAt(lists, at)?.version);
    expect(versions).toEqual([defaultPriceList.version, 1, 1, 2, 2, 3]);
    expect(priceListAt(lists.slice(0, 1), 200)).toBeUndefined();
    expect(priceListAt([], 5)).toBe(defaultPriceList);
  });

  it('parks what has no price, and rates it once when a list gives one', () => {
    const ended = published({ validUntil: 500 });
    const log = logOf(
      ['prices', ended],
      ['t', submitted('t')],
      ['t', concluded(lasting(0, HOUR_MS), lasting(1, HOUR_MS, { startedAt: 400, endedAt: 400 }))],
    );
    const { state, lines, parked } = billOf(log);
    expect(parked).toMatchObject([{ reason: 'no-price-list', end: { instance: 0 }, sequence: 3 }]);
    expect(lines).toMatchObject([{ end: { instance: 1 } }]);
    const later = billOf(
      [
        { id: 'c4', sequence: 4, aggregateId: 'prices', events: [published({ version: 2, validFrom: 500 }, 9_000)] },
        { id: 'c5', sequence: 5, aggregateId: 'prices', events: [published({ version: 3 }, 9_500)] },
      ],
      state,
    );
    expect(later.lines).toMatchObject([{ end: { instance: 0 }, priceList: { version: 2 }, sequence: 3 }]);
    expect(microsOf(later.lines)).toEqual([10_000]);
    expect(state.parked.size).toBe(0);
  });

  it('parks what a node did whose frequency is not known, until a list says what to take for it', () => {
    const hardware = { specificationKey: 'x', cpuModel: 'x', cores: 8, ghz: 0 };
    const { state, parked } = billOf(logOf(['t', submitted('t')], ['t', concluded(lasting(0, HOUR_MS, { hardware }))]));
    expect(parked).toMatchObject([{ reason: 'unknown-frequency' }]);
    // Only that: the prices are those of its start.
    const dearer = { flex: 8_000, onDemand: 8_000, reserved: 8_000 };
    const later = { version: 2, assumedMilliGhz: 2_500, validFrom: 9e12, workMicrosPerGhzCoreHour: dearer };
    const next = { id: 'c3', sequence: 3, aggregateId: 'prices', events: [published(later, 5e9)] };
    const { lines } = billOf([next], state);
    expect(microsOf(lines)).toEqual([10_000]);
    expect(lines).toMatchObject([{ priceList: { version: defaultPriceList.version, assumedMilliGhz: 2_500 } }]);
  });

  it('rates what nobody knows the frequency of alike whether it ended before or after the list that takes one for it', () => {
    const hardware = { specificationKey: 'x', cpuModel: 'x', cores: 8, ghz: 0 };
    const lists = [
      published({ version: 2, assumedMilliGhz: 2_500 }, AT + 1),
      published({ version: 3, assumedMilliGhz: 5_000 }, AT + 2),
    ].map((event): Written => ['prices', event]);
    const end: Written = ['t', concluded(lasting(0, HOUR_MS, { hardware }))];
    const [before, after] = [
      [end, ...lists],
      [...lists, end],
    ].map((rest) => billOf(logOf(['prices', published({})], ['t', submitted('t')], ...rest)));
    expect(microsOf(before?.lines ?? [])).toEqual([10_000]);
    expect(after?.parked).toEqual([]);
    expect(microsOf(after?.lines ?? [])).toEqual([10_000]);
    expect(after?.lines[0]?.priceList).toEqual(before?.lines[0]?.priceList);
  });

  it('refuses an attempt of a task that was never submitted', () => {
    expect(() => billOf(logOf(['t', concluded(anEnd(0))]))).toThrow('was never submitted');
  });
});

const anAttempt = fc.record({
  task: fc.constantFrom('t1', 't2', 't3'),
  owner: fc.constant('ada'),
  ms: fc.nat(HOUR_MS),
  ghz: fc.integer({ min: 1, max: 5 }),
});
const prices = published({
  volumeDiscounts: [
    { fromMicros: 1_000, untilMicros: 20_000, basisPoints: 333 },
    { fromMicros: 20_000, basisPoints: 1_777 },
  ],
});
const totalOf = (lines: readonly BillLine[]): bigint => lines.reduce((sum, { rating }) => sum + rating.amount, 0n);

describe('any bill', () => {
  it('comes to the same in whatever order attempts end, and however they come together', () => {
    fc.assert(
      fc.property(
        fc
          .array(anAttempt, { maxLength: 30 })
          .chain((attempts) =>
            fc.tuple(fc.constant(attempts), fc.shuffledSubarray(attempts, { minLength: attempts.length })),
          ),
        ([attempts, shuffled]) => {
          const start: readonly Written[] = [
            ['prices', prices],
            ['t1', submitted('t1')],
            ['t2', submitted('t2')],
            ['t3', submitted('t3')],
          ];
          const endOf = (attempt: (typeof attempts)[number]): AttemptEnd =>
            lasting(attempts.indexOf(attempt), attempt.ms, {
              hardware: { specificationKey: 'x', cpuModel: 'x', cores: 8, ghz: attempt.ghz },
            });
          const single = shuffled.map((one): Written => [one.task, concluded(endOf(one))]);
          const together = [...Map.groupBy(attempts, ({ task }) => task)].map(([task, own]): Written => [
            task,
            concluded(...own.map(endOf)),
          ]);
          const one = billOf(logOf(...start, ...single)).lines;
          const other = billOf(logOf(...start, ...together)).lines;
          expect(totalOf(one)).toBe(totalOf(other));
          expect(one).toHaveLength(attempts.length);
          expect(other).toHaveLength(attempts.length);
        },
      ),
    );
  });
});
