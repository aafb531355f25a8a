import { Inject, Injectable } from '@nestjs/common';
import { ValidationFailed } from '@fornax/base';
import { carbonOf, steadyPieces, type PowerSite, type PowerUse, type UsageTerms } from '@fornax/domain';
import { CLOCK } from '@fornax/service-kit';
import type { Clock } from '@fornax/base';
import {
  CARBON_ASSUMPTIONS,
  DEFAULT_DATACENTER,
  DEFAULT_SITE,
  type CarbonAssumptions,
} from '../config/carbon-assumptions.js';
import type { Account } from '@fornax/identity';
import { LedgerReader } from './ledger-reader.js';
import { TermsLookup } from './terms-lookup.js';
import { wireCarbonFacts, type WireCarbonFacts } from './wire-carbon.js';

interface UseRow {
  readonly from_ms: string;
  readonly node_milli_cores: string;
  readonly idle_milliwatts: string | null;
  readonly core_milliwatts: string | null;
  readonly site: string | null;
  readonly milli_core_ms: string;
}

const MS = (column: string): string => `floor(extract(epoch FROM ${column}) * 1000)::bigint`;

/**
 * How long a task or pool (`$1`) held cores, whoever pays for it: what has a line, what waits for a price, and what runs until now (`$2`); each with what
 * its node drew then, by the last join before it began, and summed up in each piece of time (`$3`, `$4`). However many attempts there were, that is a row
 * for each piece and kind of node.
 */
const USES = `WITH held AS (
    SELECT node, ${MS('started_at')} AS started_ms, ${MS('ended_at')} AS ended_ms, milli_cores::bigint AS milli_cores
    FROM bill_line WHERE task_id = $1 AND run = 0 AND started_at IS NOT NULL
  UNION ALL
    SELECT attempt_end ->> 'node', floor((attempt_end ->> 'startedAt')::numeric)::bigint,
      floor((attempt_end ->> 'endedAt')::numeric)::bigint, round((attempt_end ->> 'cores')::numeric * 1000)::bigint
    FROM unrated_attempt WHERE task_id = $1 AND attempt_end ? 'startedAt'
  UNION ALL
    SELECT node, started_ms, $2::bigint, round(cores::numeric * 1000)::bigint
    FROM running_attempt JOIN usage_cores USING (task_id)
    WHERE task_id = $1 AND started_ms IS NOT NULL
      AND NOT EXISTS (SELECT FROM bill_line WHERE bill_line.task_id = $1 AND bill_line.lease_id = running_attempt.lease_id)
      AND NOT EXISTS (SELECT FROM unrated_attempt WHERE unrated_attempt.task_id = $1
        AND attempt_end ->> 'leaseId' = running_attempt.lease_id)
  ), drawn AS (
    SELECT held.*, greatest(round(cores::numeric * 1000)::bigint, milli_cores, 1) AS node_milli_cores, idle_milliwatts, core_milliwatts, site
    FROM held LEFT JOIN LATERAL (
      SELECT * FROM node_power WHERE node_power.node = held.node
      ORDER BY (from_ms <= started_ms) DESC, CASE WHEN from_ms <= started_ms THEN -from_ms ELSE from_ms END LIMIT 1
    ) power ON true
  )
  SELECT piece.from_ms, node_milli_cores, idle_milliwatts, core_milliwatts, site,
    sum((least(ended_ms, until_ms) - greatest(started_ms, piece.from_ms))::numeric * milli_cores) AS milli_core_ms
  FROM drawn JOIN unnest($3::bigint[], $4::bigint[]) AS piece (from_ms, until_ms) ON started_ms < until_ms AND ended_ms > piece.from_ms
    AND started_ms < ended_ms
  GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5`;

/** Calculates what tasks and pools have drawn and emitted until now. */
@Injectable()
export class CarbonReader {
  constructor(
    private readonly ledger: LedgerReader,
    private readonly lookup: TermsLookup,
    @Inject(CARBON_ASSUMPTIONS) private readonly assumptions: CarbonAssumptions,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws NotFound also for one of others that the caller does not look after; ValidationFailed for a datacenter that nobody knows */
  async facts(
    { kind, caller, name }: { readonly kind: UsageTerms['kind']; readonly caller: Account; readonly name: string },
    asked: string | undefined,
  ): Promise<WireCarbonFacts> {
    const { id } = await this.lookup.find(kind, caller, name);
    const compared = this.assumptions.datacenters.get(asked || DEFAULT_DATACENTER);
    if (!compared) {
      const known = [...this.assumptions.datacenters.keys()].join(', ');
      throw new ValidationFailed({
        comparisonDatacenter: [`No such datacenter: ${asked?.slice(0, 80)}. It is one of ${known}.`],
      });
    }
    const pieces = steadyPieces([compared, ...this.assumptions.sites.values()]);
    const rows = await this.ledger.atOneMoment((tx) =>
      tx.query<UseRow[]>(USES, [
        id,
        Math.floor(this.clock.now()),
        pieces.map(({ from }) => from),
        pieces.map(({ until }) => until),
      ]),
    );
    const uses = rows.map((row) => this.useOf(row));
    return wireCarbonFacts(carbonOf(uses, compared), compared.name, uses[0]?.site ?? this.siteOf(null));
  }

  private useOf(row: UseRow): PowerUse {
    const nodeMilliCores = Number(row.node_milli_cores);
    const { idleMilliwattsPerCore, coreMilliwatts } = this.assumptions;
    const power =
      row.idle_milliwatts === null || row.core_milliwatts === null
        ? { idleMilliwatts: Math.round((idleMilliwattsPerCore * nodeMilliCores) / 1_000), coreMilliwatts }
        : { idleMilliwatts: Number(row.idle_milliwatts), coreMilliwatts: Number(row.core_milliwatts) };
    const site = this.siteOf(row.site);
    return { from: Number(row.from_ms), milliCoreMs: BigInt(row.milli_core_ms), nodeMilliCores, power, site };
  }

  /** A site that nobody described is like the default one. */
  private siteOf(name: string | null): PowerSite {
    const { sites } = this.assumptions;
    const site = sites.get(name ?? DEFAULT_SITE) ?? sites.get(DEFAULT_SITE);
    if (!site) throw new Error('there is no default site');
    return site;
  }
}
