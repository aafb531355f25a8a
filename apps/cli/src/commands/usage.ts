import { writeFile } from 'node:fs/promises';
import type { StatementWish, WireMeters, WireStatement } from '@fornax/client';
import type { Command } from 'commander';
import { UsageError } from '../session/connection.js';
import { projectNamed } from '../session/project.js';
import type { Io } from '../terminal/io.js';
import { outputOption, type Format } from '../terminal/output.js';

/** Rows that are printed; CSV has all. */
const MOST_ROWS = 10_000;

interface UsageOptions {
  readonly by?: string;
  readonly from: string;
  readonly to?: string;
  readonly zone: string;
  readonly account?: string;
  readonly project?: string;
  /** Beside those of all commands, one of statements alone. */
  readonly output?: Format | 'focus';
  readonly columns?: readonly string[];
  readonly proof?: string;
  readonly meters?: boolean;
}

const UNITS = { storage: 'GB hours', egress: 'GB' } as const;

const wishOf = ({ by = 'project,user', from, to, zone, account, project }: UsageOptions): StatementWish => ({
  from,
  groupBy: by,
  timeZone: zone,
  ...(to === undefined ? {} : { to }),
  ...(account === undefined ? {} : { account }),
  ...(project === undefined ? {} : { project }),
});

const sumsOf = (row: WireStatement['total']): readonly (string | number)[] => [
  row.instances,
  row.failures,
  row.attempts,
  Number(row.seconds),
  Number(row.coreSeconds),
];
const withSixDigits = (amount: string): string => {
  const [whole = '0', fraction = ''] = amount.split('.');
  return `${whole}.${fraction.padEnd(6, '0')}`;
};

const printTable = (
  io: Io,
  { from, to, timeZone, currency, groupBy, rows, total, unrated, meters }: WireStatement,
): void => {
  const columns = ['INSTANCES', 'FAILED', 'ATTEMPTS', 'SECONDS', 'CORE SECONDS'];
  const lines = rows.map((row) => [
    ...groupBy.map((one) => row.names[one] ?? row.by[one] ?? '-'),
    ...sumsOf(row),
    withSixDigits(row.amount),
  ]);
  const sum = [
    ...groupBy.map((_, index) => (index === 0 ? 'total' : '')),
    ...sumsOf(total),
    withSixDigits(total.amount),
  ];
  io.table([[...groupBy.map((one) => one.toUpperCase()), ...columns, currency], ...lines, sum]);
  io.tell(`from ${from} until ${to} (${timeZone})`);
  if (unrated > 0) io.tell(`${unrated} attempts have no price yet and are in no row`);
  const used = meters.filter(({ quantity }) => quantity !== '0');
  for (const { meter, gb, amount } of used)
    io.tell(
      `beside it, ${meter}: ${gb} ${UNITS[meter]}, ${withSixDigits(amount)} ${currency} (--meters says of which buckets)`,
    );
};

const printMeters = (io: Io, { from, to, timeZone, currency, groupBy, rows, totals, unrated }: WireMeters): void => {
  const cells = ({ meter, gb, amount }: WireMeters['totals'][number]) => [
    meter,
    gb,
    UNITS[meter],
    withSixDigits(amount),
  ];
  const lines = rows.map((row) => [...groupBy.map((one) => row.names[one] ?? row.by[one] ?? '-'), ...cells(row)]);
  const sums = totals.map((total) => [...groupBy.map((_, index) => (index === 0 ? 'total' : '')), ...cells(total)]);
  const head = [...groupBy.map((one) => one.toUpperCase()), 'METER', 'QUANTITY', 'UNIT', currency];
  io.table([head, ...lines, ...sums]);
  io.tell(`from ${from} until ${to} (${timeZone})`);
  if (unrated > 0) io.tell(`${unrated} readings have no price yet and are in no row`);
};

/** Whether it is wanted as a whole, as the platform writes it, and not some columns of a table. */
const isWhole = ({ output, columns }: UsageOptions, ...formats: readonly Format[]): boolean =>
  columns === undefined && formats.some((one) => one === output);

/** `fornax usage --meters` */
const metered = async (io: Io, { by = 'project,bucket', ...options }: UsageOptions): Promise<void> => {
  if (options.output === 'focus') throw new UsageError('--meters is written as a table, csv, json or yaml.');
  const wish = { ...wishOf({ ...options, by }), limit: MOST_ROWS };
  if (isWhole(options, 'csv')) return io.write(await io.client().billing.metersCsv(wish, io.signal));
  const found = await io.client().billing.meters(wish);
  if (isWhole(options, 'json', 'yaml')) io.document(found);
  else printMeters(io, found);
  const more = found.count - found.rows.length;
  if (more > 0) io.tell(`and ${more} more rows: ask for a shorter time, or for one project`);
};

const usage = async (io: Io, options: UsageOptions): Promise<void> => {
  if (options.meters === true) return metered(io, options);
  const wish = wishOf(options);
  if (options.output === 'focus' || isWhole(options, 'csv')) {
    const { proof } = options;
    const kind = options.output === 'focus' ? 'focus' : 'csv';
    const proved = proof === undefined ? {} : { proved: (text: string) => writeFile(proof, `${text}\n`) };
    const pieces = io.client().billing.statementCsv(wish, kind, { signal: io.signal, ...proved });
    for await (const piece of pieces) io.write(piece);
    return;
  }
  const statement = await io.client().billing.statement({ ...wish, limit: MOST_ROWS });
  if (isWhole(options, 'json', 'yaml')) io.document(statement);
  else printTable(io, statement);
  const more = statement.count - statement.rows.length;
  if (more > 0) io.tell(`and ${more} more rows: --output csv has all`);
};

const ABOUT = `
Divided by one or more of project, user, task, tag, plan, node, hardware and label:<name>, with commas between them.
A period begins at --from and ends before --to (absent: now). Each is an instant (2027-01-31T12:00:00Z), a day (2027-01-31), a month (2027-01),
today, yesterday or month (the one that it is); days and months are those of --zone. What started in the period counts.

  SECONDS       billed time of attempts on nodes; nothing is billed of what a node or the platform ended
  CORE SECONDS  the same, times the cores that were held
  money         rounded to the millionth, such that rows sum to their total; csv and json have the exact amount beside it

With --meters it is what buckets held (GB hours: 10^9 bytes, times hours) and what was sent out of them to other places than nodes (GB), by project, user
and bucket. It is in no row without --meters, and costs nothing as long as the price list does not say otherwise.

focus is CSV of the FinOps Open Cost and Usage Specification 1.2, by task, of one month at most.

Something with several tags is in the row of each of them, and once in the total. You see what is yours; coordinators and auditors see their
organization, operators everything.

Examples:
  fornax usage --by project,user --from today
  fornax usage --by user --from 2027-01 --to 2027-02 --zone Europe/Zurich --output csv > january.csv
  fornax usage --by label:team,plan --from month
  fornax usage --meters --by bucket --from month`;

const ABOUT_INVOICES = `
Prints a page (HTML, for A4) to standard output: save it, open it in a browser and print it. The project is named by its slug or its id.

Example:
  fornax invoice film 2027-01 --zone Europe/Zurich > january.html`;

/** `fornax invoice` */
export const addInvoiceCommand = (program: Command, io: Io): void => {
  program
    .command('invoice <project> <month>')
    .description('what a project used in a month (YYYY-MM), as a page to print')
    .option('--zone <time zone>', 'time zone of the month', 'UTC')
    .addHelpText('after', ABOUT_INVOICES)
    .action(async (project: string, month: string, { zone }: { readonly zone: string }) => {
      io.write(await io.client().billing.invoice(await projectNamed(io, project), month, zone, io.signal));
    });
};

/** `fornax usage` */
export const addUsageCommand = (program: Command, io: Io): void => {
  program
    .command('usage')
    .description('what was used in a period, and what it costs: cores, seconds, instances, failures, money')
    .option('--by <dimensions>', 'what to divide it by (absent: project,user; with --meters: project,bucket)')
    .option('--meters', 'what buckets held and sent out, in place of computing')
    .option('--from <time>', 'where the period begins', 'month')
    .option('--to <time>', 'where it ends (absent: now)')
    .option('--zone <time zone>', 'time zone of days and months', 'UTC')
    .option('--account <account>', 'of one account alone: an id, an e-mail or me')
    .option('--project <id>', 'of one project alone')
    .addOption(outputOption(['focus']))
    .option('--proof <file>', 'keeps what proves a statement in CSV: json, focus and parquet hold it themselves')
    .addHelpText('after', ABOUT)
    .action((options: UsageOptions) => usage(io, options));
};
