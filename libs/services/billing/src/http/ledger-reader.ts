import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { ReadBarrier } from '@fornax/projections';
import { ReadBarriers } from '@fornax/service-kit';
import { NotFound, Unavailable } from '@fornax/base';
import type { DataSource } from 'typeorm';
import type { TaskTerms } from '../projections/ledger-line.js';
import { findTerms, type Queries } from '../projections/ledger-rows.js';
import type { WireLedgerLine } from './wire-ledger.js';

interface StoredLine {
  readonly instance: number;
  readonly attempt: number;
  readonly lease_id: string;
  readonly node: string;
  readonly specification_key: string;
  readonly cpu_model: string;
  readonly plan: string;
  readonly outcome: string;
  readonly cause: string | null;
  readonly started_at: Date | null;
  readonly ended_at: Date;
  readonly billed_ms: string;
  readonly cores: number;
  readonly amount_micros: string;
  readonly currency: string;
  readonly rule: string;
  readonly price_list_version: number;
  readonly sequence: string;
  readonly commit_id: string;
}

const wireLine = (row: StoredLine): WireLedgerLine => ({
  instance: row.instance,
  attempt: row.attempt,
  leaseId: row.lease_id,
  node: row.node,
  specificationKey: row.specification_key,
  cpuModel: row.cpu_model,
  plan: row.plan,
  outcome: row.outcome,
  cause: row.cause,
  startedAt: row.started_at?.toISOString() ?? null,
  endedAt: row.ended_at.toISOString(),
  billedMs: Number(row.billed_ms),
  cores: row.cores,
  amountMicros: Number(row.amount_micros),
  currency: row.currency,
  rule: row.rule,
  priceListVersion: row.price_list_version,
  sequence: Number(row.sequence),
  commitId: row.commit_id,
});

/** Answers about the ledger as it is once it has seen everything that is in the log now. */
@Injectable()
export class LedgerReader {
  private readonly barrier: ReadBarrier;

  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    barriers: ReadBarriers,
  ) {
    this.barrier = barriers.of('ledger');
  }

  /** @throws NotFound also for a task of somebody else */
  async task(owner: string, idOrShortname: string): Promise<TaskTerms> {
    await this.catchUp();
    const terms = await findTerms(this.db, owner, idOrShortname);
    if (!terms) throw new NotFound(`No such task: ${idOrShortname}`);
    return terms;
  }

  async consumedByTask(taskId: string): Promise<number> {
    const [row] = await this.db.query<{ micros: string }[]>(
      'SELECT coalesce(sum(amount_micros), 0) AS micros FROM ledger_line WHERE task_id = $1',
      [taskId],
    );
    return Number(row?.micros ?? 0);
  }

  async consumedByAccount(owner: string): Promise<number> {
    await this.catchUp();
    const [row] = await this.db.query<{ amount_micros: string }[]>(
      'SELECT amount_micros FROM consumption WHERE owner = $1',
      [owner],
    );
    return Number(row?.amount_micros ?? 0);
  }

  /** Lines in the order of instance and attempt. Lines and total are of one moment. */
  async lines(
    taskId: string,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<{
    readonly count: number;
    readonly totalMicros: number;
    readonly lines: readonly WireLedgerLine[];
  }> {
    return this.db.transaction('REPEATABLE READ', async (tx: Queries) => {
      const [sum] = await tx.query<{ count: string; micros: string }[]>(
        'SELECT count(*) AS count, coalesce(sum(amount_micros), 0) AS micros FROM ledger_line WHERE task_id = $1',
        [taskId],
      );
      const rows = await tx.query<StoredLine[]>(
        'SELECT * FROM ledger_line WHERE task_id = $1 ORDER BY instance, attempt LIMIT $2 OFFSET $3',
        [taskId, page.limit, page.offset],
      );
      return { count: Number(sum?.count ?? 0), totalMicros: Number(sum?.micros ?? 0), lines: rows.map(wireLine) };
    });
  }

  /** Read your own writes: a bill that is asked for right after a task's end holds that end. */
  private async catchUp(): Promise<void> {
    // An old bill would be a wrong one; clients try a 503 again.
    if (!(await this.barrier.caughtUp()))
      throw new Unavailable('The ledger is catching up with the log', { code: 'ledger-behind' });
  }
}
