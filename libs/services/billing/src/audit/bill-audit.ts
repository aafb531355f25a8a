import type { RecordedCommit } from '@fornax/contracts';
import {
  attemptKey,
  countsAt,
  emptyBill,
  foldBill,
  split,
  type AuditFinding,
  type AuditKind,
  type BillLine,
  type BookedCorrections,
  type RatedAt,
  type UsageTerms,
} from '@fornax/domain';
import type { MeterRow } from '../projections/meter-rows.js';
import type { KeptRows } from './kept-rows.js';
import { LedgerRowsAudit } from './ledger-rows-audit.js';
import { SpendingAudit } from './spending-audit.js';
import { MeterAudit, meterRowsByKey } from './meter-audit.js';
import { FIRST_RUN, rowOf, type LineRow } from '../projections/ledger-rows.js';

/** A row of the ledger, and whether a line of a rating run is of what the line says that it corrects. */
export type AuditedRow = LineRow & { readonly is_alike: boolean };

const keyOf = ({ task_id, instance, attempt }: Pick<LineRow, 'task_id' | 'instance' | 'attempt'>): string =>
  attemptKey(task_id, { instance, attempt });

const about = (
  kind: AuditKind,
  { task_id, instance, attempt, sequence }: Pick<LineRow, 'task_id' | 'instance' | 'attempt' | 'sequence'>,
  detail: string,
): AuditFinding => ({
  kind,
  taskId: task_id,
  instance,
  detail: `attempt ${attempt} ${detail}`,
  sequences: [Number(sequence)],
});

const runKey = (run: number, key: string): string => `${run} ${key}`;

/** Columns that differ, as a sentence; undefined when none does. */
const differences = (expected: Partial<LineRow>, found: LineRow): string | undefined => {
  // The keys of a row are all there are.
  const names = (Object.keys(expected) as (keyof LineRow)[]).filter((name) => expected[name] !== found[name]);
  return names.length === 0
    ? undefined
    : names.map((name) => `${name} is ${String(found[name])} and follows as ${String(expected[name])}`).join(', ');
};

/** Keys of the lines that commits correct. */
const bookedBy = (commits: readonly RecordedCommit[]): ReadonlySet<string> =>
  new Set(
    commits.flatMap(({ events }) =>
      events.flatMap((event) =>
        event.type === 'LinesCorrected'
          ? event.lines.map((line) => runKey(event.run, attemptKey(line.taskId, line)))
          : [],
      ),
    ),
  );

/** Compares corrections with their rows. */
const corrected = (
  { lines, run, sequence, commitId, at, closedUntil }: BookedCorrections,
  rows: ReadonlyMap<string, AuditedRow>,
): readonly AuditFinding[] =>
  lines.flatMap((line, index): readonly AuditFinding[] => {
    const { taskId, instance, attempt, parts, rule, priceListVersion } = line;
    const row = rows.get(runKey(run, attemptKey(taskId, line)));
    const place = { task_id: taskId, instance, attempt, sequence: String(sequence) };
    if (!row) return [about('not billed', place, `is corrected by rating run ${run}, and has no line of it`)];
    const { nanos, rest } = split(BigInt(parts));
    const detail = differences(
      {
        ...{ amount_nanos: String(nanos), amount_rest: String(rest), rule, price_list_version: priceListVersion },
        ...{
          sequence: String(sequence),
          rated_sequence: String(sequence),
          rated_index: index + 1,
          commit_id: commitId,
        },
        counts_at: new Date(countsAt(Date.parse(row.started_at ?? row.ended_at), at, closedUntil)).toISOString(),
      },
      row,
    );
    const facts = row.is_alike ? [] : ['it is of other use than the line that it corrects'];
    const wrong = [...(detail === undefined ? [] : [detail]), ...facts].join(', ');
    return wrong === ''
      ? []
      : [about('billed otherwise', row, `has a line of rating run ${run} that differs: ${wrong}`)];
  });

/**
 * Compares the ledger with the log: every attempt that ended is in exactly one line, charge or waiver, or waits for a price, and each line is what the log
 * gives; and credits and budgets beside it. Folds the log from its beginning, and keeps the tasks and pools that are not deleted.
 */
export class BillAudit {
  private readonly state = emptyBill();
  private readonly meters = new MeterAudit();
  private readonly rows: LedgerRowsAudit;
  private readonly spending: SpendingAudit;
  /** Lines of attempts that have no price as far as the log was folded: one of a list that comes later. */
  private readonly early = new Map<string, LineRow>();

  /** @param kept rows of a moment before the end of the log was looked for */
  constructor(kept: KeptRows) {
    this.rows = new LedgerRowsAudit(kept);
    this.spending = new SpendingAudit(kept.spending);
  }

  get underWay(): number {
    return this.state.terms.size;
  }

  /**
   * Folds the next commits.
   * @param rows all lines that name one of these commits, or one between them
   * @param meterRows the same of meters
   * @param terms what is kept of what these commits submitted
   */
  fold(
    commits: readonly RecordedCommit[],
    rows: readonly AuditedRow[],
    meterRows: readonly MeterRow[],
    terms: ReadonlyMap<string, UsageTerms>,
  ): readonly AuditFinding[] {
    const findings: AuditFinding[] = [];
    const metered = meterRowsByKey(meterRows);
    const booked = bookedBy(commits);
    const isBooked = (row: LineRow): boolean => booked.has(runKey(row.run, keyOf(row)));
    const corrections = new Map(rows.filter(isBooked).map((row) => [runKey(row.run, keyOf(row)), row]));
    const left = this.sorted(
      rows.filter((row) => !isBooked(row)),
      findings,
    );
    for (const commit of commits) {
      findings.push(...this.rows.compare(this.state, commit.sequence));
      try {
        findings.push(...this.spending.fold(commit));
        const entries = foldBill(this.state, commit);
        for (const line of entries.lines) findings.push(...this.compared(line, left));
        findings.push(...this.rows.took(entries, commit.sequence, terms));
        for (const each of entries.corrections) findings.push(...corrected(each, corrections));
        findings.push(...this.meters.fold(this.state, commit, metered));
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error);
        findings.push({
          kind: 'billed for nothing',
          taskId: commit.aggregateId,
          detail,
          sequences: [commit.sequence],
        });
      }
      // Nothing comes after the end of a stream.
      if (commit.events.some(({ type }) => type === 'TaskDeleted' || type === 'PoolDeleted'))
        this.state.terms.delete(commit.aggregateId);
    }
    for (const [key, row] of left) {
      if (this.state.parked.has(key)) this.early.set(key, row);
      else findings.push(about('billed for nothing', row, 'has a line, and the log knows no such end'));
    }
    return [...findings, ...this.meters.rest(metered)];
  }

  /**
   * @param waiting keys of the attempts, and of the uses of meters, that the ledger says have no price yet
   * @param newest version of the last price list that the ledger knows
   */
  end(waiting: ReadonlySet<string>, newest: number): readonly AuditFinding[] {
    const folded = this.state.lists.at(-1)?.priceList.version ?? 0;
    const findings: AuditFinding[] = [...this.rows.compare(this.state), ...this.spending.compare()];
    for (const [key, { terms, end, sequence }] of this.state.parked) {
      const row = this.early.get(key);
      const place = { task_id: terms.id, instance: end.instance, attempt: end.attempt, sequence: String(sequence) };
      // A list that was published behind what was folded may have rated it.
      if (row && newest <= folded)
        findings.push(about('billed for nothing', row, 'has a line, and no list gives it a price'));
      if (!row && !waiting.has(key))
        findings.push(about('not billed', place, 'has no line, and does not wait for a price'));
    }
    findings.push(...this.meters.end(waiting, newest <= folded));
    return findings;
  }

  private compared(line: BillLine & RatedAt, left: Map<string, LineRow>): readonly AuditFinding[] {
    const expected = rowOf(line);
    const key = keyOf(expected);
    const found = left.get(key) ?? this.early.get(key);
    left.delete(key);
    this.early.delete(key);
    if (!found) return [about('not billed', expected, 'ended and is in no line')];
    const detail = differences(expected, found);
    return detail === undefined ? [] : [about('billed otherwise', found, `has a line that differs: ${detail}`)];
  }

  /** Lines by attempt, the first of each; a second one is a finding. */
  private sorted(rows: readonly LineRow[], findings: AuditFinding[]): Map<string, LineRow> {
    const left = new Map<string, LineRow>();
    const seen = new Set<string>();
    for (const row of rows.toSorted((a, b) => a.run - b.run)) {
      const key = keyOf(row);
      if (seen.has(key)) findings.push(about('billed twice', row, `has a second line, of rating run ${row.run}`));
      else if (row.run === FIRST_RUN) left.set(key, row);
      else
        findings.push(about('billed for nothing', row, `has a line of rating run ${row.run}, and none of the first`));
      seen.add(key);
    }
    return left;
  }
}
