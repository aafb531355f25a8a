import type { BillLine } from '@fornax/domain';
import type { Queries } from './ledger-state.js';

const HOUR_MS = 3_600_000;

/** What lines of one hour (UTC) that are alike sum to. Statements read these rows, and lines where an interval cuts an hour. */
interface HourOfUse {
  readonly owner: string;
  readonly hour: string;
  readonly project: string;
  readonly plan: string;
  readonly node: string;
  readonly specificationKey: string;
  attempts: number;
  /** Attempts that were the first of their instance. */
  instances: number;
  failures: number;
  billedMs: number;
  /** Milliseconds times thousandths of a core. */
  coreMs: bigint;
  parts: bigint;
}

/** The hour that an attempt counts in: that of its start, or of its end where it never started. */
const hourOf = ({ usage, end }: BillLine): string => {
  const at = Math.floor(usage?.from ?? end.endedAt);
  return new Date(at - (at % HOUR_MS)).toISOString();
};

const hoursOf = (lines: readonly BillLine[]): readonly HourOfUse[] => {
  const hours = new Map<string, HourOfUse>();
  for (const line of lines) {
    const { terms, end, usage, rating } = line;
    const { owner, plan } = terms;
    const project = terms.projectUuid ?? owner;
    const { node, hardware } = end;
    const hour = hourOf(line);
    const key = JSON.stringify([owner, hour, project, plan, node, hardware.specificationKey]);
    const none = { attempts: 0, instances: 0, failures: 0, billedMs: 0, coreMs: 0n, parts: 0n };
    const found = hours.get(key) ?? {
      ...{ owner, hour, project, plan, node, specificationKey: hardware.specificationKey },
      ...none,
    };
    found.attempts += 1;
    if (end.attempt === 1) found.instances += 1;
    if (end.outcome === 'failure') found.failures += 1;
    found.billedMs += rating.billedMs;
    found.coreMs += BigInt(rating.billedMs) * BigInt(usage?.milliCores ?? 0);
    found.parts += rating.amount;
    hours.set(key, found);
  }
  // One order for all, so that two writers never wait for each other in a circle.
  return [...hours].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => found);
};

/** Adds lines to the hours in which they started. */
export const addHours = async (db: Queries, lines: readonly BillLine[]): Promise<void> => {
  const hours = hoursOf(lines);
  if (hours.length === 0) return;
  await db.query(
    `INSERT INTO usage_hour (owner, hour, project, plan, node, specification_key, attempts, instances, failures, billed_ms, core_ms, parts)
     SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[],
       $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::numeric[], $12::numeric[])
     ON CONFLICT (owner, hour, project, plan, node, specification_key) DO UPDATE SET attempts = usage_hour.attempts + excluded.attempts,
       instances = usage_hour.instances + excluded.instances, failures = usage_hour.failures + excluded.failures,
       billed_ms = usage_hour.billed_ms + excluded.billed_ms, core_ms = usage_hour.core_ms + excluded.core_ms, parts = usage_hour.parts + excluded.parts`,
    [
      hours.map(({ owner }) => owner),
      hours.map(({ hour }) => hour),
      hours.map(({ project }) => project),
      hours.map(({ plan }) => plan),
      hours.map(({ node }) => node),
      hours.map(({ specificationKey }) => specificationKey),
      hours.map(({ attempts }) => attempts),
      hours.map(({ instances }) => instances),
      hours.map(({ failures }) => failures),
      hours.map(({ billedMs }) => billedMs),
      hours.map(({ coreMs }) => String(coreMs)),
      hours.map(({ parts }) => String(parts)),
    ],
  );
};
