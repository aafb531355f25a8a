import type { RecordedCommit } from '@fornax/contracts';
import {
  foldMeters,
  meterKey,
  type AuditFinding,
  type AuditKind,
  type BillState,
  type MeteredUse,
} from '@fornax/domain';
import { meterRowOf, type MeterRow } from '../projections/meter-rows.js';

const keyOf = ({ sequence, place, meter }: Pick<MeterRow, 'sequence' | 'place' | 'meter'>): string =>
  meterKey({ sequence: Number(sequence), place, meter });

const about = (
  kind: AuditKind,
  row: Pick<MeterRow, 'bucket' | 'meter' | 'sequence'>,
  detail: string,
): AuditFinding => ({
  kind,
  taskId: `bucket ${row.bucket}`,
  detail: `its meter of ${row.meter} ${detail}`,
  sequences: [Number(row.sequence)],
});

/** Compares the lines of meters with the log, as `BillAudit` does those of attempts. */
export class MeterAudit {
  private readonly parked = new Map<string, MeteredUse>();
  /** Lines of what has no price as far as the log was folded: one of a list that comes later. */
  private readonly early = new Map<string, MeterRow>();

  /**
   * Folds the meters of the next commit.
   * @param state as `foldBill` has left it
   * @param left rows of these commits by their keys: what is compared is taken out of it
   */
  fold(state: BillState, commit: RecordedCommit, left: Map<string, MeterRow>): readonly AuditFinding[] {
    const findings: AuditFinding[] = [];
    for (const line of foldMeters(state, this.parked, commit).lines) {
      const expected = meterRowOf(line);
      const key = keyOf(expected);
      const found = left.get(key) ?? this.early.get(key);
      left.delete(key);
      this.early.delete(key);
      // The keys of a row are all there are.
      const names = (Object.keys(expected) as (keyof MeterRow)[]).filter((name) => expected[name] !== found?.[name]);
      if (!found) findings.push(about('not billed', expected, 'is told and is in no line'));
      else if (names.length > 0)
        findings.push(
          about(
            'billed otherwise',
            found,
            `has a line that differs: ${names.map((name) => `${name} is ${found[name]} and follows as ${expected[name]}`).join(', ')}`,
          ),
        );
    }
    return findings;
  }

  /** What is left of the rows of a page is of nothing in the log, or waits for a list. */
  rest(left: ReadonlyMap<string, MeterRow>): readonly AuditFinding[] {
    return [...left].flatMap(([key, row]) => {
      if (!this.parked.has(key)) return [about('billed for nothing', row, 'has a line, and the log tells no such use')];
      this.early.set(key, row);
      return [];
    });
  }

  /** @param waiting keys of what the ledger says has no price yet @param isNewest whether the log was folded up to the ledger's newest price list */
  end(waiting: ReadonlySet<string>, isNewest: boolean): readonly AuditFinding[] {
    return [...this.parked].flatMap(([key, use]): readonly AuditFinding[] => {
      const row = this.early.get(key);
      const place = { bucket: use.reading.bucket, meter: use.meter, sequence: String(use.sequence) };
      if (row && isNewest) return [about('billed for nothing', row, 'has a line, and no list gives it a price')];
      return row || waiting.has(key) ? [] : [about('not billed', place, 'has no line, and does not wait for a price')];
    });
  }
}

export const meterRowsByKey = (rows: readonly MeterRow[]): Map<string, MeterRow> =>
  new Map(rows.map((row) => [keyOf(row), row]));
