import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Unavailable } from '@fornax/base';
import type { Aggregate, RecordedCommit } from '@fornax/contracts';
import { attemptKey, PARTS_PER_NANO, type AuditFinding } from '@fornax/domain';
import type { ReadBarrier } from '@fornax/projections';
import { ReadBarriers, type Auditor } from '@fornax/service-kit';
import type { DataSource } from 'typeorm';
import type { LineRow } from '../projections/ledger-rows.js';
import { readParked, readPriceLists } from '../projections/ledger-state.js';
import { BillAudit } from './bill-audit.js';

type ReadLine = Omit<LineRow, 'started_at' | 'ended_at'> & {
  readonly started_at: Date | null;
  readonly ended_at: Date;
};

/** What accounts used in a month, as it is kept and as its lines sum to. */
const SUMS = `SELECT owner, month, kept, lines FROM (
    SELECT owner, month, net_parts AS kept FROM month_usage
  ) kept FULL JOIN (
    SELECT owner, to_char(coalesce(started_at, ended_at) AT TIME ZONE 'UTC', 'YYYY-MM') AS month,
      sum(amount_nanos) * ${PARTS_PER_NANO} + sum(amount_rest) AS lines
    FROM bill_line WHERE run = 0 GROUP BY 1, 2
  ) summed USING (owner, month) WHERE kept IS DISTINCT FROM lines ORDER BY owner, month`;

/** Audits the ledger of a database, page by page beside the log. */
export class LedgerAuditor implements Auditor {
  readonly aggregates: readonly Aggregate[] = ['task', 'pool', 'pricing'];
  private readonly audit = new BillAudit();
  /** Lines up to here have been looked at. */
  private sequence = 0;

  /** @param reached waits until the ledger shows the commit at a sequence */
  constructor(
    private readonly db: DataSource,
    private readonly reached: (sequence: number) => Promise<void>,
  ) {}

  get underWay(): number {
    return this.audit.underWay;
  }

  async fold(batch: readonly RecordedCommit[]): Promise<readonly AuditFinding[]> {
    const last = batch.at(-1)?.sequence ?? this.sequence;
    await this.reached(last);
    const rows = await this.db.query<ReadLine[]>('SELECT * FROM bill_line WHERE sequence > $1 AND sequence <= $2', [
      this.sequence,
      last,
    ]);
    this.sequence = last;
    return this.audit.fold(batch, rows.map(asWritten));
  }

  async end(): Promise<readonly AuditFinding[]> {
    const waiting = await readParked(this.db);
    const keys = new Set(waiting.map(({ terms, end }) => attemptKey(terms.id, end)));
    const newest = (await readPriceLists(this.db)).at(-1)?.priceList.version ?? 0;
    const sums =
      await this.db.query<{ owner: string; month: string; kept: string | null; lines: string | null }[]>(SUMS);
    return [
      ...this.audit.end(keys, newest),
      ...sums.map(({ owner, month, kept, lines }): AuditFinding => ({
        kind: 'billed otherwise',
        taskId: `account ${owner}`,
        detail: `what it used in ${month} is kept as ${kept ?? 'nothing'} parts, and its lines sum to ${lines ?? 'nothing'}`,
        sequences: [],
      })),
    ];
  }
}

const asWritten = ({ started_at, ended_at, ...row }: ReadLine): LineRow => ({
  ...row,
  started_at: started_at?.toISOString() ?? null,
  ended_at: ended_at.toISOString(),
});

/** Begins audits of the ledger. */
@Injectable()
export class LedgerAudits {
  private readonly barrier: ReadBarrier;

  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    barriers: ReadBarriers,
  ) {
    this.barrier = barriers.of('ledger');
  }

  /** An audit from the beginning of the log. It ends with an error where the ledger stands still. */
  begin(): LedgerAuditor {
    return new LedgerAuditor(this.db, async (sequence) => {
      if (!(await this.barrier.passed(sequence)))
        throw new Unavailable('The ledger is catching up with the log', { code: 'ledger-behind' });
    });
  }

  /** How many attempts have no price yet, as far as the rows know. */
  async unrated(): Promise<number> {
    const [row] = await this.db.query<{ count: string }[]>('SELECT count(*) AS count FROM unrated_attempt');
    return Number(row?.count ?? 0);
  }
}
