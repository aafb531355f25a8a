import { Inject, Injectable } from '@nestjs/common';
import type { Clock } from '@fornax/base';
import type { TaskCost } from '@fornax/contracts';
import {
  forecast,
  PARTS_PER_MICRO,
  PARTS_PER_NANO,
  rounded,
  whatIf,
  type ExactAmount,
  type Forecast,
  type ForecastFacts,
  type LineGroup,
  type NoForecast,
  type SchedulingPlan,
  type UsageTerms,
} from '@fornax/domain';
import { CLOCK } from '@fornax/service-kit';
import { readPriceLists, type Queries } from '../projections/ledger-state.js';
import { LedgerReader } from './ledger-reader.js';
import { LiveProgress, toldKey, type Told } from './live-progress.js';
import { RunningCosts } from './running-costs.js';

/** Lines of a task, each with what has corrected it, and by the list and the rule of the last correction. */
const LINES = `SELECT base.*, amount_nanos::numeric * ${PARTS_PER_NANO} + amount_rest + coalesce(more.parts, 0) AS parts,
    coalesce(more.version, price_list_version) AS version, coalesce(more.last_rule, rule) AS rule_now
  FROM bill_line base LEFT JOIN (
    SELECT instance, attempt, sum(amount_nanos) * ${PARTS_PER_NANO} + sum(amount_rest) AS parts,
      (array_agg(price_list_version ORDER BY run DESC))[1] AS version, (array_agg(rule ORDER BY run DESC))[1] AS last_rule
    FROM bill_line WHERE task_id = $1 AND run > 0 GROUP BY 1, 2
  ) more USING (instance, attempt) WHERE base.task_id = $1 AND base.run = 0`;

interface CourseRow {
  readonly waiting: string;
  readonly in_pool: boolean;
  readonly ends_ms: string | null;
  readonly low: string | null;
  readonly high: string | null;
  readonly finished: string;
}
/** What is asked for, what has ended of it, and what those cost that succeeded. What runs is part of what waits here. */
const COURSE = `SELECT instances - unrun - ended - parked AS waiting, in_pool, ends_ms, low, high, finished
  FROM usage_cores LEFT JOIN job_deadline USING (job_id),
    (SELECT count(*) FILTER (WHERE is_last) AS ended, count(*) FILTER (WHERE is_last AND outcome = 'success') AS finished,
       min(parts) FILTER (WHERE outcome = 'success') AS low, max(parts) FILTER (WHERE outcome = 'success') AS high
     FROM (${LINES}) line) lines,
    (SELECT count(*) FILTER (WHERE is_last) AS parked FROM unrated_attempt WHERE task_id = $1) unrated
  WHERE usage_cores.task_id = $1`;

interface GroupRow {
  readonly specification_key: string;
  readonly milli_ghz: number;
  readonly price_list_version: number;
  readonly is_waived: boolean;
  readonly is_minimum: boolean;
  readonly parts: string;
  readonly milli_core_ms: string;
}
const GROUPS = `SELECT specification_key, milli_ghz, version AS price_list_version, rule_now LIKE 'free/%' AS is_waived, rule_now LIKE '%+minimum' AS is_minimum,
    sum(parts) AS parts, sum(billed_ms::numeric * milli_cores) AS milli_core_ms
  FROM (${LINES}) line GROUP BY 1, 2, 3, 4, 5`;

const noneTold: ReadonlyMap<string, Told> = new Map();
const micros = (amount: ExactAmount): number => Number(rounded(amount, PARTS_PER_MICRO));

/** Says what a task has cost, what it will, and what it would have elsewhere. */
@Injectable()
export class TaskCosts {
  constructor(
    private readonly ledger: LedgerReader,
    private readonly running: RunningCosts,
    private readonly live: LiveProgress,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws Unavailable the ledger was behind */
  async of(terms: UsageTerms): Promise<TaskCost> {
    const { id, plan, constrained } = terms;
    const { facts, groups, lists, finished, attempts } = await this.ledger.atOneMoment((tx) => this.facts(tx, terms));
    const soFar = attempts.reduce((sum, { price, ranMs }) => sum + price(ranMs), 0n);
    const told = facts.isInPool || attempts.length === 0 ? noneTold : await this.live.of(id);
    const running = attempts.map(({ node, leaseId, ranMs, price }) => {
      const said = told.get(toldKey({ node, leaseId }));
      return { ranMs: Math.max(ranMs, said?.executionMs ?? 0), progress: said?.progress ?? 0, price };
    });
    const found = forecast({ ...facts, running });
    return {
      taskId: id,
      plan,
      constrained,
      currency: lists.at(-1)?.priceList.currency ?? 'EUR',
      spentMicros: micros(facts.spent),
      running: { attempts: attempts.length, micros: micros(soFar) },
      totalMicros: micros(facts.spent + soFar),
      finished,
      ...wireForecast(found),
      whatIf: whatIf(groups, lists).map(({ hardware, amount, isOwn, plan: ofPlan }) => ({
        plan: ofPlan,
        hardware,
        micros: amount === null ? null : micros(amount),
        isOwn,
      })),
    };
  }

  private async facts(tx: Queries, { id, plan, constrained }: UsageTerms) {
    const attempts = await this.running.attemptsOf(tx, id);
    const [course] = await tx.query<CourseRow[]>(COURSE, [id]);
    const rows = await tx.query<GroupRow[]>(GROUPS, [id]);
    const groups = rows.map((row): LineGroup => groupOf(row, plan, constrained));
    const { low, high, ends_ms: endsMs } = course ?? {};
    const facts: Omit<ForecastFacts, 'running'> = {
      spent: groups.reduce((sum, { amount }) => sum + amount, 0n),
      waiting: Math.max(0, Number(course?.waiting ?? 0) - attempts.length),
      isInPool: course?.in_pool ?? false,
      finished: low == null || high == null ? undefined : { low: BigInt(low), high: BigInt(high) },
      leftMs: endsMs == null ? undefined : Math.max(0, Number(endsMs) - this.clock.now()),
    };
    return { facts, groups, attempts, lists: await readPriceLists(tx), finished: Number(course?.finished ?? 0) };
  }
}

const groupOf = (row: GroupRow, plan: SchedulingPlan, constrained: boolean): LineGroup => ({
  plan,
  constrained,
  specificationKey: row.specification_key,
  milliGhz: row.milli_ghz,
  priceListVersion: row.price_list_version,
  isWaived: row.is_waived,
  isMinimum: row.is_minimum,
  amount: BigInt(row.parts),
  milliCoreMs: BigInt(row.milli_core_ms),
});

const wireForecast = (found: Forecast | NoForecast): Pick<TaskCost, 'forecast' | 'noForecast'> =>
  typeof found === 'string'
    ? { forecast: null, noForecast: found }
    : {
        forecast: {
          lowMicros: micros(found.low),
          highMicros: micros(found.high),
          running: found.running,
          waiting: found.waiting,
          waitingBasis: found.waitingBasis ?? null,
        },
        noForecast: null,
      };
