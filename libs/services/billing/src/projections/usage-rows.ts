import { PARTS_PER_NANO, split, type BillLine, type RatedAt } from '@fornax/domain';
import type { Queries } from './ledger-state.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

type CountedLine = BillLine & RatedAt;

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

/** Rows of sums that statements read in place of lines: of lines that are alike and count in the same unit of time (UTC). */
interface KeptSums {
  readonly table: string;
  /** Columns of the key, in the order of `keyOf`. The second one is the unit of time. */
  readonly key: readonly [owner: string, time: string, ...more: string[]];
  readonly keyOf: (line: CountedLine) => readonly string[];
  readonly amount: readonly SumColumn[];
}

/** A column of sums, and how a row that is there takes in more. */
interface SumColumn {
  readonly name: string;
  readonly type: 'bigint' | 'numeric';
  readonly of: (sums: Sums) => number | string;
  readonly added?: string;
}
const COUNTS: readonly SumColumn[] = [
  { name: 'attempts', type: 'bigint', of: ({ attempts }) => attempts },
  { name: 'instances', type: 'bigint', of: ({ instances }) => instances },
  { name: 'failures', type: 'bigint', of: ({ failures }) => failures },
  { name: 'billed_ms', type: 'bigint', of: ({ billedMs }) => billedMs },
  { name: 'core_ms', type: 'numeric', of: ({ coreMs }) => String(coreMs) },
];

/** The beginning of the unit of time that an attempt counts in. */
const beginOf = ({ countsAt }: RatedAt, unitMs: number): string => {
  const at = Math.floor(countsAt);
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
  amount: [{ name: 'parts', type: 'numeric', of: ({ parts }) => String(parts) }],
};
const REST = 'usage_task_node_day.rest + excluded.rest';
/** Amounts in two whole numbers of the machine: so many rows of `numeric` would take twice as long to sum up. */
const TASK_DAYS: KeptSums = {
  table: 'usage_task_node_day',
  key: ['owner', 'day', 'task_id', 'node', 'specification_key'],
  keyOf: (line) => {
    const { terms, end } = line;
    return [terms.owner, beginOf(line, DAY_MS), terms.id, end.node, end.hardware.specificationKey];
  },
  amount: [
    {
      name: 'nanos',
      type: 'bigint',
      of: ({ parts }) => String(split(parts).nanos),
      added: `usage_task_node_day.nanos + excluded.nanos + (${REST}) / ${PARTS_PER_NANO}`,
    },
    {
      name: 'rest',
      type: 'bigint',
      of: ({ parts }) => String(split(parts).rest),
      added: `(${REST}) % ${PARTS_PER_NANO}`,
    },
  ],
};

const sumsOf = (lines: readonly CountedLine[], keyOf: KeptSums['keyOf']): readonly (readonly [string[], Sums])[] => {
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

const addTo = async (
  db: Queries,
  { table, key, keyOf, amount }: KeptSums,
  lines: readonly CountedLine[],
): Promise<void> => {
  const rows = sumsOf(lines, keyOf);
  const sums = [...COUNTS, ...amount];
  const types = [...key.map((_, index) => (index === 1 ? 'timestamptz' : 'text')), ...sums.map(({ type }) => type)];
  await db.query(
    `INSERT INTO ${table} (${[...key, ...sums.map(({ name }) => name)].join(', ')})
     SELECT * FROM unnest(${types.map((type, index) => `$${index + 1}::${type}[]`).join(', ')})
     ON CONFLICT (${key.join(', ')}) DO UPDATE SET
       ${sums.map(({ name, added }) => `${name} = ${added ?? `${table}.${name} + excluded.${name}`}`).join(', ')}`,
    [
      ...key.map((_, index) => rows.map(([values]) => values[index])),
      ...sums.map(({ of }) => rows.map(([, each]) => of(each))),
    ],
  );
};

/** Adds lines to the hours in which they count, and to the days of their tasks on their nodes. */
export const addToSums = async (db: Queries, lines: readonly CountedLine[]): Promise<void> => {
  if (lines.length === 0) return;
  await addTo(db, HOURS, lines);
  await addTo(db, TASK_DAYS, lines);
};
