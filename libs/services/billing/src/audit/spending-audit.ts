import type { RecordedCommit } from '@fornax/contracts';
import type { AuditFinding, SpendingEvent } from '@fornax/domain';
import { folded, type BookedEntry, type SpendingRow } from '../projections/spending-rows.js';
import { compared, stored } from './rows-compared.js';

/** Credits and budgets as they are kept, of one moment. */
export interface KeptSpending {
  /** The last commit that they are of. */
  readonly sequence: number;
  readonly rows: readonly SpendingRow[];
  readonly entries: readonly BookedEntry[];
}

const NAMES = { credits: ['account', 'what it has in credits'], budget: ['budget', 'it'] } as const;

/** Compares credits and budgets with the log: what they stand at, and each booking. */
export class SpendingAudit {
  private readonly rows = new Map<string, SpendingRow>();
  private readonly entries: BookedEntry[] = [];
  private isCompared = false;

  constructor(private readonly kept: KeptSpending) {}

  /** Folds the next commit. @returns what is found where the rows are of the commits before it */
  fold({ aggregate, aggregateId, sequence, events }: RecordedCommit): readonly AuditFinding[] {
    const findings = this.compare(sequence);
    if (aggregate !== 'spending' || this.isCompared) return findings;
    const { row, booked } = folded(this.rows.get(aggregateId), aggregateId, events as readonly SpendingEvent[]);
    if (row) this.rows.set(aggregateId, row);
    this.entries.push(...booked.map((entry) => ({ ...entry, spendingId: aggregateId, sequence })));
    return findings;
  }

  /** Compares the rows, once, when the log is folded up to where they are. @param next sequence of the commit that is folded next; none: the end */
  compare(next = Number.POSITIVE_INFINITY): readonly AuditFinding[] {
    if (this.isCompared || next <= this.kept.sequence) return [];
    this.isCompared = true;
    const kept = byId(this.kept.rows);
    const kindOf = (id: string): SpendingRow['kind'] => (this.rows.get(id) ?? kept.get(id))?.kind ?? 'credits';
    return [
      ...compared(stateOf(this.rows), stateOf(kept), (id) => {
        const [what, name] = NAMES[kindOf(id)];
        return [`${what} ${id}`, name];
      }),
      ...compared(byEntry(this.entries), byEntry(this.kept.entries), (key) => {
        const [account = '', entry = ''] = key.split(' ');
        return [`account ${account}`, `the booking ${entry} on its credits`];
      }),
    ];
  }
}

const byId = (rows: readonly SpendingRow[]): ReadonlyMap<string, SpendingRow> =>
  new Map(rows.map((row) => [row.spendingId, row]));

const stateOf = (rows: ReadonlyMap<string, SpendingRow>): ReadonlyMap<string, object> =>
  new Map([...rows].map(([id, { kind, state }]) => [id, { kind, ...stored(state) }]));

const byEntry = (entries: readonly BookedEntry[]): ReadonlyMap<string, object> =>
  new Map(
    entries.map(({ spendingId, entryId, at, ...facts }) => [
      `${spendingId} ${entryId}`,
      { ...facts, at: Math.floor(at) },
    ]),
  );
