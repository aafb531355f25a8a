import {
  volumeKey,
  type AuditFinding,
  type BillEntries,
  type BillState,
  type ParkedAttempt,
  type UsageTerms,
} from '@fornax/domain';
import type { KeptRows } from './kept-rows.js';
import { compared, differences, otherwise, stored } from './rows-compared.js';

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
      ...[...parked].flatMap(
        ([
          key,
          {
            terms: { id },
            end,
            sequence,
          },
        ]): readonly AuditFinding[] =>
          state.parked.has(key)
            ? []
            : [
                otherwise(
                  id,
                  `attempt ${end.attempt} of instance ${end.instance} waits for a price, and the log knows no such attempt that has none`,
                  sequence,
                ),
              ],
      ),
      ...(more > 0 ? [otherwise('ledger', `${more} tasks or pools are kept that nobody submitted`)] : []),
    ];
  }

  /** What is more or less than nothing, as text. */
  private used(volumes: ReadonlyMap<string, bigint>): ReadonlyMap<string, object> {
    return new Map([...volumes].flatMap(([key, parts]) => (parts === 0n ? [] : [[key, { parts: String(parts) }]])));
  }
}
