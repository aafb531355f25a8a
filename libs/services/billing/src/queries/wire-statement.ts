import { dayIn, daysAfter, monthsAfter, split, startOfDay } from '@fornax/domain';
import {
  csvCell,
  type PeriodBoundary,
  type StatementDimension,
  type WireStatement,
  type WireStatementRow,
} from '@fornax/contracts';
import type { StatementGroup } from './statement-reader.js';
import type { SummedRow } from './statement-sql.js';

/** The instant of a boundary: of a day or a month its beginning, in a time zone. */
export const instantOf = (boundary: PeriodBoundary, timeZone: string, now: number): number => {
  if (boundary.kind === 'instant') return boundary.at;
  if (boundary.kind === 'day') return startOfDay(boundary.day, timeZone);
  const today = dayIn(now, timeZone);
  const day = { today, yesterday: daysAfter(today, -1), month: monthsAfter(today, 0) }[boundary.word];
  return startOfDay(day, timeZone);
};

/** A whole number of the last digit as a decimal text, without zeros that say nothing. */
export const decimalText = (value: bigint, digits: number): string => {
  const text = String(value < 0n ? -value : value).padStart(digits + 1, '0');
  const fraction = text.slice(-digits).replace(/0+$/, '');
  return `${value < 0n ? '-' : ''}${text.slice(0, -digits)}${fraction === '' ? '' : `.${fraction}`}`;
};

/** An exact amount as texts: whole nano-units, and what is left of one in parts. */
export const splitTexts = (parts: bigint): { readonly nanos: string; readonly rest: string } => {
  const { nanos, rest } = split(parts);
  return { nanos: String(nanos), rest: String(rest) };
};

/** Sums as texts that are exact. */
export const wireSums = (row: SummedRow, units: bigint): WireStatement['total'] => {
  return {
    attempts: Number(row.attempts),
    instances: Number(row.instances),
    failures: Number(row.failures),
    seconds: decimalText(BigInt(row.billed_ms), 3),
    coreSeconds: decimalText(BigInt(row.core_ms), 6),
    amount: decimalText(units, 6),
    ...splitTexts(BigInt(row.parts)),
  };
};

/** Names that people know projects and accounts by. */
export interface NamesOf {
  project(id: string): string | undefined;
  user(id: string): string | undefined;
  /** Whose a project is. */
  projectOwner(id: string): string | undefined;
}

const isNamed = (dimension: StatementDimension): dimension is 'project' | 'user' =>
  dimension === 'project' || dimension === 'user';

export const wireRow = (
  group: StatementGroup,
  dimensions: readonly StatementDimension[],
  names: NamesOf,
  lines: string | null = null,
): WireStatementRow => {
  const named = dimensions.flatMap((one, index): readonly (readonly [string, string])[] => {
    const key = group.keys[index] ?? '';
    const name = isNamed(one) ? names[one](key) : undefined;
    const owner = one === 'project' ? names.projectOwner(key) : undefined;
    return [
      ...(name === undefined ? [] : [[one, name] as const]),
      ...(owner === undefined ? [] : [['projectOwner', owner] as const]),
    ];
  });
  return {
    by: Object.fromEntries(dimensions.map((one, index) => [one, group.keys[index] ?? null])),
    names: Object.fromEntries(named),
    lines,
    ...wireSums(group, BigInt(group.units)),
  };
};

const COLUMNS = ['attempts', 'instances', 'failures', 'seconds', 'coreSeconds', 'amount', 'nanos', 'rest'] as const;
const NAME_COLUMNS = { project: 'projectName', user: 'userEmail' } as const;

/** The columns of a dimension: its key, and a name beside it where people know it by one. */
export const columnNames = (one: StatementDimension): readonly string[] =>
  isNamed(one) ? [one, NAME_COLUMNS[one]] : [one];

/** What is in these columns. */
export const columnTexts = (one: StatementDimension, key: string | null, names: NamesOf): readonly (string | null)[] =>
  isNamed(one) ? [key, names[one](key ?? '') ?? null] : [key];

/** One line of CSV (RFC 4180). @param numbers are written as they are */
export const csvRecord = (texts: readonly string[], numbers: readonly (string | number)[] = []): string =>
  `${[...texts.map(csvCell), ...numbers].join(',')}\r\n`;

export const csvHead = (dimensions: readonly StatementDimension[]): string =>
  csvRecord([...dimensions.flatMap(columnNames), ...COLUMNS, 'currency']);

export const csvLine = (row: WireStatementRow, dimensions: readonly StatementDimension[], currency: string): string =>
  csvRecord(
    dimensions.flatMap((one) => [row.by[one] ?? '', ...(isNamed(one) ? [row.names[one] ?? ''] : [])]),
    [...COLUMNS.map((column) => row[column]), currency],
  );
