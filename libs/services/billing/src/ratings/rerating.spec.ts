import { describe, expect, it } from '@jest/globals';
import {
  attemptKey,
  defaultPriceList,
  emptyBill,
  foldBill,
  joined,
  split,
  type BilledCommit,
  type PriceList,
} from '@fornax/domain';
import { anEnd, AT, concluded, requeued, submitted } from '@fornax/testing';
import fc from 'fast-check';
import { rowOf, type LineRow } from '../projections/ledger-rows.js';
import { monthAround, Rerating, type Correction, type RatedLine } from './rerating.js';

const DAY_MS = 86_400_000;
const asRead = (row: LineRow): RatedLine => ({
  ...row,
  started_ms: row.started_at === null ? null : String(Date.parse(row.started_at)),
  ended_ms: String(Date.parse(row.ended_at)),
});

const aList = fc.record({
  minimumMicros: fc.constantFrom(0, 1, 5_000),
  roundingMicros: fc.constantFrom(1, 10_000),
  volumeDiscounts: fc.constantFrom(
    [],
    [
      { fromMicros: 10, untilMicros: 20_000, basisPoints: 333 },
      { fromMicros: 20_000, basisPoints: 1_777 },
    ],
  ),
  projectDiscounts: fc.constantFrom([], [{ projectUuid: 'p-1', basisPoints: 1_250 }]),
  factor: fc.integer({ min: 1, max: 9 }),
});
const priceListOf = ({ factor, ...terms }: typeof aList extends fc.Arbitrary<infer T> ? T : never): PriceList => {
  const prices = { flex: 1_000 * factor, onDemand: 1_700 * factor, reserved: 1_500 * factor };
  return {
    ...defaultPriceList,
    ...terms,
    workMicrosPerGhzCoreHour: prices,
    hardware: [{ match: '', microsPerCoreHour: prices }],
  };
};
const anAttempt = fc.record({
  task: fc.integer({ min: 0, max: 4 }),
  at: fc.integer({ min: 0, max: 70 * DAY_MS }),
  ms: fc.integer({ min: 0, max: 3_600_000 }),
  ghz: fc.constantFrom(1, 2.4, 3.35),
  cores: fc.constantFrom(0.1, 1, 8),
  end: fc.constantFrom('success' as const, 'user' as const, 'node-lost' as const, 'never' as const),
  isTriedAgain: fc.boolean(),
});

/** The lines of a log, in the order in which they were rated. */
const ledgerOf = (
  lists: readonly PriceList[],
  attempts: readonly (typeof anAttempt extends fc.Arbitrary<infer T> ? T : never)[],
) => {
  const state = emptyBill();
  const commits: BilledCommit[] = [];
  const add = (aggregateId: string, ...events: BilledCommit['events']): void =>
    void commits.push({ id: `c${commits.length + 1}`, sequence: commits.length + 1, aggregateId, events });
  for (const [index, list] of lists.entries())
    add('prices', {
      type: 'PriceListPublished',
      priceList: { ...list, version: index + 1, validFrom: index * 30 * DAY_MS },
      at: 0,
    } as BilledCommit['events'][number]);
  for (let task = 0; task < 5; task += 1)
    add(
      `t-${task}`,
      submitted(
        `t-${task}`,
        {
          projectUuid: `p-${task % 2}`,
          hardwareConstraints: task === 4 ? [{ discriminator: 'SSDHardwareConstraint' }] : [],
        },
        task < 3 ? 'ada' : 'bob',
      ),
    );
  for (const [instance, one] of attempts.entries()) {
    const { startedAt, ...rest } = anEnd(instance, {
      startedAt: AT + one.at,
      endedAt: AT + one.at + one.ms,
      cores: one.cores,
      hardware: { specificationKey: 'x', cpuModel: 'x', cores: 8, ghz: one.ghz },
      ...(one.end === 'success'
        ? {}
        : one.end === 'never'
          ? { outcome: 'cancelled' }
          : { outcome: 'failure', cause: one.end }),
    });
    const end = one.end === 'never' || startedAt === undefined ? rest : { ...rest, startedAt };
    if (one.isTriedAgain) {
      add(`t-${one.task}`, requeued(end));
      add(
        `t-${one.task}`,
        concluded(anEnd(instance, { attempt: 2, startedAt: AT + one.at + one.ms, endedAt: AT + one.at + one.ms + 5 })),
      );
    } else add(`t-${one.task}`, concluded(end));
  }
  const rows = commits.flatMap((commit) => foldBill(state, commit).lines).map((line) => asRead(rowOf(line)));
  return { rows, published: state.lists };
};

/** The lines of instances that each are tried that often, once a day. */
const triedOften = (list: PriceList, instances: readonly number[]) => {
  const state = emptyBill();
  const published = { type: 'PriceListPublished', priceList: { ...list, version: 1, validFrom: 0 }, at: 0 };
  const commits = [[published as BilledCommit['events'][number]], [submitted('t')]];
  for (const attempt of [1, 2, 3, 4, 5])
    for (const [instance, attempts] of instances.entries()) {
      if (attempt > attempts) continue;
      const startedAt = AT + (attempt - 1) * DAY_MS;
      const time = { attempt, startedAt, endedAt: startedAt + 3_600_000 };
      const isLast = attempt === attempts;
      commits.push([
        isLast
          ? concluded(anEnd(instance, time))
          : requeued(anEnd(instance, { ...time, outcome: 'failure', cause: 'user' })),
      ]);
    }
  const rows = commits
    .map((events, index) => ({
      id: `c${index}`,
      sequence: index + 1,
      aggregateId: index === 0 ? 'prices' : 't',
      events,
    }))
    .flatMap((commit) => foldBill(state, commit).lines)
    .map((line) => asRead(rowOf(line)));
  return { rows, published: state.lists };
};
const amountOf = (row: RatedLine): bigint => joined({ nanos: BigInt(row.amount_nanos), rest: BigInt(row.amount_rest) });

const totalOf = (rows: readonly RatedLine[]): bigint => rows.reduce((sum, row) => sum + amountOf(row), 0n);

/** The lines as they are read once corrections are booked. */
const corrected = (rows: readonly RatedLine[], corrections: readonly Correction[]): readonly RatedLine[] => {
  const byKey = new Map(corrections.map(({ line }) => [attemptKey(line.taskId, line), line]));
  return rows.map((row) => {
    const line = byKey.get(attemptKey(row.task_id, row));
    if (!line) return row;
    const { nanos, rest } = split(amountOf(row) + BigInt(line.parts));
    return {
      ...row,
      ...{ amount_nanos: String(nanos), amount_rest: String(rest), price_list_version: line.priceListVersion },
    };
  });
};

describe('rating again', () => {
  it('by the lists that held gives a difference of nothing, to the part of a nano-unit, for every task', () => {
    fc.assert(
      fc.property(
        fc.array(aList, { minLength: 1, maxLength: 3 }),
        fc.array(anAttempt, { maxLength: 30 }),
        (some, attempts) => {
          const { rows, published } = ledgerOf(some.map(priceListOf), attempts);
          const { differences, unrated } = new Rerating({ from: 0, to: Infinity }, published).next(rows);
          expect(unrated).toBe(0);
          expect(differences.reduce((sum, one) => sum + one.attempts, 0)).toBe(rows.length);
          for (const { before, after } of differences) expect(after).toBe(before);
        },
      ),
    );
  });

  it('by the one list that held gives nothing for a part of a month either', () => {
    fc.assert(
      fc.property(
        aList,
        fc.array(anAttempt, { maxLength: 30 }),
        fc.nat(70),
        fc.nat(70),
        (one, attempts, start, days) => {
          const { rows, published } = ledgerOf([priceListOf(one)], attempts);
          const scope = { from: AT + start * DAY_MS, to: AT + (start + days) * DAY_MS, list: published[0]?.priceList };
          const { differences } = new Rerating(scope, published).next(rows);
          for (const { before, after } of differences) expect(after).toBe(before);
        },
      ),
    );
  });

  it('by another list gives what a ledger of that list would have', () => {
    fc.assert(
      fc.property(aList, aList, fc.array(anAttempt, { maxLength: 30 }), (one, other, attempts) => {
        const [is, would] = [ledgerOf([priceListOf(one)], attempts), ledgerOf([priceListOf(other)], attempts)];
        const scope = { from: 0, to: Infinity, list: would.published[0]?.priceList };
        const { differences } = new Rerating(scope, is.published).next(is.rows);
        const expected = new Rerating({ from: 0, to: Infinity }, would.published).next(would.rows).differences;
        expect(differences.map(({ taskId, after }) => [taskId, after])).toEqual(
          expected.map(({ taskId, before }) => [taskId, before]),
        );
      }),
    );
  });

  it('gives nothing either where attempts of an instance come before the period and in several batches', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 3, max: 5 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 2 }),
        fc.integer({ min: 0, max: 5 }),
        fc.constantFrom(0, 5_000, 45_000),
        (instances, batch, skipped, minimumMicros) => {
          const { rows, published } = triedOften({ ...defaultPriceList, minimumMicros }, instances);
          const from = AT + skipped * DAY_MS;
          const rerating = new Rerating({ from, to: Infinity, list: published[0]?.priceList }, published);
          const earlier = rows.filter((row) => Number(row.started_ms) < from);
          const inPeriod = rows.filter((row) => Number(row.started_ms) >= from);
          for (let at = 0; at < inPeriod.length; at += batch) {
            const some = inPeriod.slice(at, at + batch);
            for (const instance of new Set(some.map((row) => row.instance))) {
              const amounts = earlier.filter((row) => row.instance === instance).map(amountOf);
              if (amounts.length > 0)
                rerating.charge(
                  't',
                  instance,
                  amounts.reduce((sum, one) => sum + one),
                );
            }
            for (const { before, after } of rerating.next(some).differences) expect(after).toBe(before);
          }
        },
      ),
    );
  });

  it('corrects nothing by the lists that lines have, and by A after B what B has corrected', () => {
    fc.assert(
      fc.property(aList, aList, fc.array(anAttempt, { maxLength: 30 }), (one, other, attempts) => {
        const { rows, published } = ledgerOf([priceListOf(one)], attempts);
        const next = { priceList: { ...priceListOf(other), version: 2 }, from: Infinity, sequence: 0 };
        const lists = [...published, next];
        const all = { from: 0, to: Infinity };
        expect(new Rerating(all, lists).next(rows).corrections).toEqual([]);

        const to = (list: PriceList | undefined, some: readonly RatedLine[]) =>
          corrected(some, new Rerating({ ...all, list }, lists).next(some).corrections);
        const byOther = to(next.priceList, rows);
        // What is booked is what the rating has said: nothing of it is lost on the way.
        const { differences } = new Rerating({ ...all, list: next.priceList }, lists).next(rows);
        const difference = differences.reduce((sum, { before, after }) => sum + after - before, 0n);
        expect(totalOf(byOther)).toBe(totalOf(rows) + difference);
        expect(new Rerating(all, lists).next(byOther).corrections).toEqual([]);
        expect(to(published[0]?.priceList, byOther).map(amountOf)).toEqual(rows.map(amountOf));
      }),
    );
  });

  it('says what an account used more or less before discounts', () => {
    fc.assert(
      fc.property(aList, aList, fc.array(anAttempt, { maxLength: 30 }), (one, other, attempts) => {
        const { rows, published } = ledgerOf([priceListOf(one)], attempts);
        const next = { priceList: { ...priceListOf(other), version: 2 }, from: Infinity, sequence: 0 };
        const gross = (list: PriceList | undefined, some: readonly RatedLine[]): bigint =>
          new Rerating({ from: 0, to: Infinity, list }, [...published, next])
            .next(some)
            .corrections.reduce((sum, correction) => sum + correction.gross, 0n);
        const there = new Rerating({ from: 0, to: Infinity, list: next.priceList }, [...published, next]).next(rows);
        expect(gross(next.priceList, rows) + gross(published[0]?.priceList, corrected(rows, there.corrections))).toBe(
          0n,
        );
      }),
    );
  });

  it('knows the month around an instant', () => {
    expect(monthAround(Date.UTC(2028, 1, 29, 23))).toEqual({ from: Date.UTC(2028, 1, 1), to: Date.UTC(2028, 2, 1) });
  });
});
