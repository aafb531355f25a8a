import { isDeepStrictEqual } from 'node:util';
import {
  volumeKey,
  type AuditFinding,
  type BillEntries,
  type BillState,
  type ParkedAttempt,
  type UsageTerms,
} from '@fornax/domain';
import type { KeptRows } from './kept-rows.js';

const otherwise = (taskId: string, detail: string, sequence?: number): AuditFinding => ({
  kind: 'billed otherwise',
  taskId,
  detail,
  sequences: sequence === undefined ? [] : [sequence],
});

/** Names of what two records say differently, as a sentence; undefined: nothing. */
const differences = (expected: object, found: object): string | undefined => {
  const [asFollows, asKept] = [new Map(Object.entries(expected)), new Map(Object.entries(found))];
  const names = [...new Set([...asFollows.keys(), ...asKept.keys()])].filter(
    (name) => !isDeepStrictEqual(asFollows.get(name), asKept.get(name)),
  );
  return names.length === 0
    ? undefined
    : names
        .map(
          (name) =>
            `${name} is ${JSON.stringify(asKept.get(name))} and follows as ${JSON.stringify(asFollows.get(name))}`,
        )
        .join(', ');
};

/** Rows that both sides name alike, compared one by one. @param of what a key is about, in a finding */
const compared = <R extends object>(
  expected: ReadonlyMap<string, R>,
  found: ReadonlyMap<string, R>,
  of: (key: string) => readonly [taskId: string, what: string],
): readonly AuditFinding[] =>
  [...new Set([...expected.keys(), ...found.keys()])].sort().flatMap((key): readonly AuditFinding[] => {
    const [taskId, what] = of(key);
    const [follows, kept] = [expected.get(key), found.get(key)];
    if (!follows) return [otherwise(taskId, `${what} is kept, and the log knows nothing of it`)];
    if (!kept) return [otherwise(taskId, `${what} is not kept`)];
    const detail = differences(follows, kept);
    return detail === undefined ? [] : [otherwise(taskId, `${what} is kept otherwise: ${detail}`)];
  });

/** As it is stored: what JSON leaves out is not there. */
const stored = (value: object): object => JSON.parse(JSON.stringify(value)) as object;

const parkedRow = ({ end, reason, isLast, sequence, commitId }: ParkedAttempt): object => ({
  ...{ end: stored(end), reason, isLast, sequence, commitId },
});

/**
 * Compares with the log what no line shows and later ones depend on: what was submitted, price lists, closed months, what counts for discounts by volume,
 * and attempts that wait for a price. The rows of one moment, with what follows from the log up to the same commit.
 */
export class LedgerRowsAudit {
  private readonly closed = new Map<string, { readonly until: number; readonly sequence: number }>();
  private terms = 0;
  private isCompared = false;

  constructor(private readonly kept: KeptRows) {}

  /**
   * Takes what a commit added.
   * @param found what is kept of what it, and others, submitted
   */
  took(
    { terms, closed }: BillEntries,
    sequence: number,
    found: ReadonlyMap<string, UsageTerms>,
  ): readonly AuditFinding[] {
    for (const { month, until } of closed) this.closed.set(month, { until, sequence });
    if (!this.isCompared) this.terms += terms.length;
    return terms.flatMap((expected): readonly AuditFinding[] => {
      const kept = found.get(expected.id);
      const detail = kept && differences(expected, kept);
      // As many rows as there are to be are counted: this one is told already.
      if (!kept && !this.isCompared) this.terms -= 1;
      if (kept && detail === undefined) return [];
      const what = kept ? `is kept otherwise: ${detail}` : 'is not kept';
      return [otherwise(expected.id, `what was submitted ${what}`, sequence)];
    });
  }

  /** Compares the rows, once, when the log is folded up to where they are. @param next sequence of the commit that is folded next; none: the end */
  compare(state: BillState, next = Number.POSITIVE_INFINITY): readonly AuditFinding[] {
    if (this.isCompared || next <= this.kept.sequence) return [];
    this.isCompared = true;
    const { lists, closed, volumes, parked, terms } = this.kept;
    const more = terms - this.terms;
    return [
      ...compared(
        new Map(
          state.lists.map(({ priceList, ...list }) => [
            String(priceList.version),
            { ...list, document: stored(priceList) },
          ]),
        ),
        new Map(
          lists.map(({ priceList, ...list }) => [String(priceList.version), { ...list, document: stored(priceList) }]),
        ),
        (version) => [`price list ${version}`, 'it'],
      ),
      ...compared(
        this.closed,
        new Map(closed.map(({ month, until, sequence }) => [month, { until, sequence }])),
        (month) => [`month ${month}`, 'that it is closed'],
      ),
      ...compared(this.used(state.volumes), this.used(volumes), (key) => [
        `account ${key.slice(volumeKey('', 'YYYY-MM').length)}`,
        `what counts for its discounts in ${key.slice(0, 'YYYY-MM'.length)}`,
      ]),
      ...[...state.parked].flatMap(([key, each]): readonly AuditFinding[] => {
        // What is not kept at all is not billed: that is found beside the lines.
        const found = parked.get(key);
        const detail = found && differences(parkedRow(each), parkedRow(found));
        const what = `attempt ${each.end.attempt} of instance ${each.end.instance} waits for a price`;
        return detail === undefined
          ? []
          : [otherwise(each.terms.id, `${what} and is kept otherwise: ${detail}`, each.sequence)];
      }),
      ...(more > 0 ? [otherwise('ledger', `${more} tasks or pools are kept that nobody submitted`)] : []),
    ];
  }

  /** What is more or less than nothing, as text. */
  private used(volumes: ReadonlyMap<string, bigint>): ReadonlyMap<string, object> {
    return new Map([...volumes].flatMap(([key, parts]) => (parts === 0n ? [] : [[key, { parts: String(parts) }]])));
  }
}
