import type { BillLine } from '@fornax/domain';
import type { Queries } from './ledger-state.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What lines come to. */
interface Sums {
  attempts: number;
  /** Attempts that were the first of their instance. */
  instances: number;
  failures: number;
  billedMs: number;
  /** Milliseconds times thousandths of a core. */
  coreMs: bigint;
  parts: bigint;
}

/** Rows of sums that statements read in place of lines: of lines that are alike and began in the same unit of time (UTC). */
interface KeptSums {
  readonly table: string;
  /** Columns of the key, in the order of `keyOf`. The second one is the unit of time. */
  readonly key: readonly [owner: string, time: string, ...more: string[]];
  readonly keyOf: (line: BillLine) => readonly string[];
}

/** The beginning of the unit of time that an attempt counts in: that of its start, or of its end where it never started. */
const beginOf = ({ usage, end }: BillLine, unitMs: number): string => {
  const at = Math.floor(usage?.from ?? end.endedAt);
  return new Date(at - (at % unitMs)).toISOString();
};

const HOURS: KeptSums = {
  table: 'usage_hour',
  key: ['owner', 'hour', 'project', 'plan', 'node', 'specification_key'],
  keyOf: (line) => {
    const { terms, end } = line;
    const project = terms.projectUuid ?? terms.owner;
    return [terms.owner, beginOf(line, HOUR_MS), project, terms.plan, end.node, end.hardware.specificationKey];
  },
};
const TASK_DAYS: KeptSums = {
  table: 'usage_task_day',
  key: ['owner', 'day', 'task_id'],
  keyOf: (line) => [line.terms.owner, beginOf(line, DAY_MS), line.terms.id],
};

const sumsOf = (lines: readonly BillLine[], keyOf: KeptSums['keyOf']): readonly (readonly [string[], Sums])[] => {
  const found = new Map<string, readonly [string[], Sums]>();
  for (const line of lines) {
    const { end, usage, rating } = line;
    const key = keyOf(line);
    const name = JSON.stringify(key);
    const none = { attempts: 0, instances: 0, failures: 0, billedMs: 0, coreMs: 0n, parts: 0n };
    const entry = found.get(name) ?? ([[...key], none] as const);
    const [, sums] = entry;
    sums.attempts += 1;
    if (end.attempt === 1) sums.instances += 1;
    if (end.outcome === 'failure') sums.failures += 1;
    sums.billedMs += rating.billedMs;
    sums.coreMs += BigInt(rating.billedMs) * BigInt(usage?.milliCores ?? 0);
    sums.parts += rating.amount;
    found.set(name, entry);
  }
  // One order for all, so that two writers never wait for each other in a circle.
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
};

const SUMS = ['attempts', 'instances', 'failures', 'billed_ms', 'core_ms', 'parts'] as const;

const addTo = async (db: Queries, { table, key, keyOf }: KeptSums, lines: readonly BillLine[]): Promise<void> => {
  const rows = sumsOf(lines, keyOf);
  const types = [
    ...key.map((_, index) => (index === 1 ? 'timestamptz' : 'text')),
    ...['bigint', 'bigint', 'bigint', 'bigint', 'numeric', 'numeric'],
  ];
  await db.query(
    `INSERT INTO ${table} (${[...key, ...SUMS].join(', ')})
     SELECT * FROM unnest(${types.map((type, index) => `$${index + 1}::${type}[]`).join(', ')})
     ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${SUMS.map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(', ')}`,
    [
      ...key.map((_, index) => rows.map(([values]) => values[index])),
      rows.map(([, { attempts }]) => attempts),
      rows.map(([, { instances }]) => instances),
      rows.map(([, { failures }]) => failures),
      rows.map(([, { billedMs }]) => billedMs),
      rows.map(([, { coreMs }]) => String(coreMs)),
      rows.map(([, { parts }]) => String(parts)),
    ],
  );
};

/** Adds lines to the hours in which they started, and to the days of their tasks. */
export const addToSums = async (db: Queries, lines: readonly BillLine[]): Promise<void> => {
  if (lines.length === 0) return;
  await addTo(db, HOURS, lines);
  await addTo(db, TASK_DAYS, lines);
};
