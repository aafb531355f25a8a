import { Inject, Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { readPosition, type ReadBarrier } from '@fornax/projections';
import type { EventLog } from '@fornax/event-store';
import { EVENT_LOG, ProjectionHost, ReadBarriers } from '@fornax/service-kit';
import {
  joined,
  monthOf,
  PARTS_PER_MICRO,
  PARTS_PER_NANO,
  rounded,
  type ExactAmount,
  type PublishedPriceList,
  type UsageTerms,
} from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { LEDGER_VERSION } from '../projections/ledger.projection.js';
import { FIRST_RUN, type LineRow } from '../projections/ledger-rows.js';
import { readTerms, readParked, readPriceLists, type Queries } from '../projections/ledger-state.js';
import { behind, RunningCosts } from './running-costs.js';
import { linksOf, type LedgerPage, type WireLedgerLine, type WireUnrated } from './wire-ledger.js';

/** As the driver gives it: instants as dates, and the amount in whole units of its rounding. */
type ReadLine = Omit<LineRow, 'started_at' | 'ended_at' | 'counts_at'> & {
  readonly started_at: Date | null;
  readonly ended_at: Date;
  readonly counts_at: Date;
  readonly units: string;
};

/** The month of what is told in a later one, or of what is corrected. */
const correctedMonth = ({ run, started_at, ended_at, counts_at }: ReadLine): string | null => {
  const at = started_at ?? ended_at;
  return run === FIRST_RUN && counts_at.getTime() === at.getTime() ? null : monthOf(at.getTime());
};

const wireLine = (row: ReadLine, roundingMicros: number): WireLedgerLine => ({
  instance: row.instance,
  attempt: row.attempt,
  run: row.run,
  countsAt: row.counts_at.toISOString(),
  corrects: correctedMonth(row),
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
  cores: row.milli_cores / 1_000,
  ghz: row.milli_ghz / 1_000,
  memoryMB: row.memory_mb,
  amountMicros: Number(row.units) * roundingMicros,
  amountNanos: row.amount_nanos,
  currency: row.currency,
  rule: row.rule,
  priceListVersion: row.price_list_version,
  sequence: Number(row.sequence),
  commitId: row.commit_id,
  links: linksOf(row.kind, row.task_id, Number(row.sequence)),
});

/** What the lines of a task or a pool come to. */
interface Sum {
  readonly count: number;
  readonly amount: ExactAmount;
  /** What the total is rounded to, by the newest of its price lists. */
  readonly roundingMicros: number;
}

const micros = ({ amount, roundingMicros }: Sum): number =>
  Number(rounded(amount, PARTS_PER_MICRO * BigInt(roundingMicros))) * roundingMicros;

/** The rule of `apportion` (libs/domain) over all lines of a task, for a page of them: `$2` is the unit, in parts. */
const PAGE = `WITH line AS (
    SELECT *, amount_nanos::numeric * ${PARTS_PER_NANO} + amount_rest AS parts FROM bill_line WHERE task_id = $1
  ), divided AS (
    SELECT *, mod(mod(parts, $2::numeric) + $2::numeric, $2::numeric) AS rest FROM line
  ), shared AS (
    SELECT *, div(parts - rest, $2::numeric) AS whole, row_number() OVER (ORDER BY rest DESC, instance, attempt, run) AS place,
      div(2 * sum(rest) OVER () + $2::numeric, 2 * $2::numeric) AS missing
    FROM divided
  )
  SELECT *, whole + CASE WHEN place <= missing THEN 1 ELSE 0 END AS units
  FROM shared ORDER BY instance, attempt, run LIMIT $3 OFFSET $4`;

const MOST_TRIES = 10;

/** Answers about the ledger as it is once it has seen everything that is in the log now. */
@Injectable()
export class LedgerReader {
  private readonly barrier: ReadBarrier;

  constructor(
    @InjectDataSource('billing') private readonly db: DataSource,
    private readonly running: RunningCosts,
    private readonly projections: ProjectionHost,
    @Inject(EVENT_LOG) private readonly log: Pick<EventLog, 'head'>,
    barriers: ReadBarriers,
  ) {
    this.barrier = barriers.of('ledger');
  }

  /** What was submitted, of those that there are. */
  async termsOf(ids: readonly string[]): Promise<ReadonlyMap<string, UsageTerms>> {
    return new Map((await readTerms(this.db, ids)).map((one) => [one.id, one]));
  }

  /** What a task or a pool has cost until now, in micro-units. */
  consumedBy(id: string): Promise<number> {
    return this.atOneMoment(async (tx) => {
      const running = await this.running.ofTask(tx, id);
      const sum = await this.sum(tx, id);
      return micros({ ...sum, amount: sum.amount + running.amount });
    });
  }

  /** Lines in the order of instance and attempt. Lines, total and what runs are of one moment. */
  lines(
    id: string,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<Pick<LedgerPage, 'count' | 'totalMicros' | 'unrated' | 'running' | 'lines'>> {
    return this.atOneMoment(async (tx) => {
      const { attempts, amount } = await this.running.ofTask(tx, id);
      const running = { attempts, micros: Number(rounded(amount, PARTS_PER_MICRO)) };
      const sum = await this.sum(tx, id);
      const unit = PARTS_PER_MICRO * BigInt(sum.roundingMicros);
      const rows = await tx.query<ReadLine[]>(PAGE, [id, String(unit), page.limit, page.offset]);
      const [parked] = await tx.query<{ count: string }[]>(
        'SELECT count(*) AS count FROM unrated_attempt WHERE task_id = $1',
        [id],
      );
      const lines = rows.map((row) => wireLine(row, sum.roundingMicros));
      return { count: sum.count, totalMicros: micros(sum), unrated: Number(parked?.count ?? 0), running, lines };
    });
  }

  /** In the order of their publication. */
  async priceLists(): Promise<readonly PublishedPriceList[]> {
    await this.catchUp();
    return readPriceLists(this.db);
  }

  /** Attempts that have no price yet, in the order of their ends, and how many readings of meters have none. */
  async unrated(): Promise<{ readonly attempts: readonly WireUnrated[]; readonly readings: number }> {
    await this.catchUp();
    const [readings] = await this.db.query<{ count: string }[]>('SELECT count(*) AS count FROM unrated_meter');
    const attempts = (await readParked(this.db)).map(({ terms, end, reason, sequence }) => ({
      taskId: terms.id,
      instance: end.instance,
      attempt: end.attempt,
      owner: terms.owner,
      reason,
      sequence,
    }));
    return { attempts, readings: Number(readings?.count ?? 0) };
  }

  private async sum(db: Queries, id: string): Promise<Sum> {
    const [row] = await db.query<{ count: string; nanos: string; rest: string; rounding: string | null }[]>(
      `SELECT count, nanos, rest, document ->> 'roundingMicros' AS rounding FROM (
         SELECT count(*) AS count, coalesce(sum(amount_nanos), 0) AS nanos, coalesce(sum(amount_rest), 0) AS rest,
           max(price_list_version) AS version
         FROM bill_line WHERE task_id = $1
       ) sums LEFT JOIN published_price_list USING (version)`,
      [id],
    );
    return {
      count: Number(row?.count ?? 0),
      amount: joined({ nanos: BigInt(row?.nanos ?? 0), rest: BigInt(row?.rest ?? 0) }),
      roundingMicros: Number(row?.rounding ?? 1),
    };
  }

  /**
   * What runs and what is in the ledger, read together: an attempt that ends meanwhile is counted in one of them.
   * @throws Unavailable the ledger was behind, or what ran was always ahead of it
   */
  async atOneMoment<T>(read: (tx: Queries) => Promise<T>): Promise<T> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      // In this order: what ran is written now, and not again for a moment, in which the ledger follows.
      await this.running.catchUp();
      await this.catchUp();
      const { sequence } = this.projections.runner('ledger').position();
      const found = await this.db.transaction('REPEATABLE READ', async (tx) =>
        // What left its node in a later commit may have no line yet, and would be in neither of them.
        ((await readPosition(tx, 'running'))?.sequence ?? 0) <= sequence ? { answer: await read(tx) } : undefined,
      );
      if (found) return found.answer;
    }
    throw behind();
  }

  /** Whether rows are of this log, as this program folds them, and show the commit at a sequence. */
  async holds(db: Queries, sequence: number): Promise<boolean> {
    const [position, { epoch }] = [await readPosition(db, 'ledger'), await this.log.head()];
    return position?.epoch === epoch && position.version === LEDGER_VERSION && position.sequence >= sequence;
  }

  /** Whether the log ends before a sequence: it went back, and what was there will not come again. */
  async isBeyond(sequence: number): Promise<boolean> {
    return (await this.log.head()).sequence < sequence;
  }

  /**
   * Waits until rows show the commit at a sequence.
   * @throws Unavailable they did not in that time
   */
  async reach(sequence: number, timeoutMs: number): Promise<void> {
    if (!(await this.barrier.passed(sequence, timeoutMs))) throw behind();
  }

  /** Read your own writes: a bill that is asked for right after a task's end holds that end. */
  async catchUp(): Promise<void> {
    if (!(await this.barrier.caughtUp())) throw behind();
  }
}
