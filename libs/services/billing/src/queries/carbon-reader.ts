import { Inject, Injectable } from '@nestjs/common';
import { ValidationFailed } from '@fornax/base';
import { carbonOf, type PowerSite, type PowerUse, type UsageTerms } from '@fornax/domain';
import { CLOCK } from '@fornax/service-kit';
import type { Clock } from '@fornax/base';
import {
  CARBON_ASSUMPTIONS,
  DEFAULT_DATACENTER,
  DEFAULT_SITE,
  type CarbonAssumptions,
} from '../config/carbon-assumptions.js';
import { LedgerReader } from './ledger-reader.js';
import { wireCarbonFacts, type WireCarbonFacts } from './wire-carbon.js';

interface UseRow {
  readonly node: string;
  readonly started_ms: string;
  /** Null: it runs. */
  readonly ended_ms: string | null;
  readonly milli_cores: string;
  readonly node_cores: number | null;
  readonly idle_milliwatts: string | null;
  readonly core_milliwatts: string | null;
  readonly site: string | null;
}

const MS = (column: string): string => `floor(extract(epoch FROM ${column}) * 1000)::bigint`;

/**
 * Every time that a task or pool held cores, whoever pays for it: what has a line, what waits for a price, and what runs; each with what its node drew
 * then, by the last join before it began.
 */
const USES = `WITH held AS (
    SELECT node, ${MS('started_at')} AS started_ms, ${MS('ended_at')} AS ended_ms, milli_cores::bigint AS milli_cores
    FROM bill_line WHERE task_id = $1 AND run = 0 AND started_at IS NOT NULL
  UNION ALL
    SELECT attempt_end ->> 'node', floor((attempt_end ->> 'startedAt')::numeric)::bigint,
      floor((attempt_end ->> 'endedAt')::numeric)::bigint, round((attempt_end ->> 'cores')::numeric * 1000)::bigint
    FROM unrated_attempt WHERE task_id = $1 AND attempt_end ? 'startedAt'
  UNION ALL
    SELECT node, started_ms, NULL, round(cores::numeric * 1000)::bigint
    FROM running_attempt JOIN usage_cores USING (task_id)
    WHERE task_id = $1 AND started_ms IS NOT NULL
      AND NOT EXISTS (SELECT FROM bill_line WHERE bill_line.task_id = $1 AND bill_line.lease_id = running_attempt.lease_id)
      AND NOT EXISTS (SELECT FROM unrated_attempt WHERE unrated_attempt.task_id = $1
        AND attempt_end ->> 'leaseId' = running_attempt.lease_id)
  )
  SELECT held.node, started_ms, ended_ms, milli_cores, cores AS node_cores, idle_milliwatts, core_milliwatts, site
  FROM held LEFT JOIN LATERAL (
    SELECT * FROM node_power WHERE node_power.node = held.node
    ORDER BY (from_ms <= started_ms) DESC, CASE WHEN from_ms <= started_ms THEN -from_ms ELSE from_ms END LIMIT 1
  ) drawn ON true`;

/** Calculates what tasks and pools have drawn and emitted until now. */
@Injectable()
export class CarbonReader {
  constructor(
    private readonly ledger: LedgerReader,
    @Inject(CARBON_ASSUMPTIONS) private readonly assumptions: CarbonAssumptions,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws NotFound also for one of somebody else; ValidationFailed for a datacenter that nobody knows */
  async facts(
    { kind, owner, name }: { readonly kind: UsageTerms['kind']; readonly owner: string; readonly name: string },
    asked: string | undefined,
  ): Promise<WireCarbonFacts> {
    const { id } = await this.ledger.terms(kind, owner, name);
    const compared = this.assumptions.datacenters.get(asked || DEFAULT_DATACENTER);
    if (!compared) {
      const known = [...this.assumptions.datacenters.keys()].join(', ');
      throw new ValidationFailed({
        comparisonDatacenter: [`No such datacenter: ${asked?.slice(0, 80)}. It is one of ${known}.`],
      });
    }
    const rows = await this.ledger.atOneMoment((tx) => tx.query<UseRow[]>(USES, [id]));
    const now = this.clock.now();
    const uses = rows.map((row) => this.useOf(row, now));
    return wireCarbonFacts(carbonOf(uses, compared), compared.name, uses[0]?.site ?? this.siteOf(null));
  }

  private useOf(row: UseRow, now: number): PowerUse {
    const from = Number(row.started_ms);
    const milliCores = Number(row.milli_cores);
    const nodeMilliCores = row.node_cores === null ? milliCores : Math.round(row.node_cores * 1_000);
    const { idleMilliwattsPerCore, coreMilliwatts } = this.assumptions;
    const power =
      row.idle_milliwatts === null || row.core_milliwatts === null
        ? { idleMilliwatts: Math.round((idleMilliwattsPerCore * nodeMilliCores) / 1_000), coreMilliwatts }
        : { idleMilliwatts: Number(row.idle_milliwatts), coreMilliwatts: Number(row.core_milliwatts) };
    const until = Math.max(from, row.ended_ms === null ? now : Number(row.ended_ms));
    return { from, until, milliCores, nodeMilliCores, power, site: this.siteOf(row.site) };
  }

  /** A site that nobody described is like the default one. */
  private siteOf(name: string | null): PowerSite {
    const { sites } = this.assumptions;
    const site = sites.get(name ?? DEFAULT_SITE) ?? sites.get(DEFAULT_SITE);
    if (!site) throw new Error('there is no default site');
    return site;
  }
}
