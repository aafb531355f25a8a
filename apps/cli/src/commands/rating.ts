import { setTimeout as delay } from 'node:timers/promises';
import type { WireRating } from '@fornax/client';
import { InvalidArgumentError, type Command } from 'commander';
import { inLines } from '../session/document-errors.js';
import { openDocument } from '../session/job-file.js';
import { withProgress, type Io } from '../terminal/io.js';
import { renderTable } from '../terminal/table.js';

const LOOK_MS = 500;

interface RateOptions {
  readonly from: string;
  readonly to?: string;
  readonly zone: string;
  readonly list?: number;
  readonly prices?: string;
  readonly by: 'project' | 'task';
  readonly json?: boolean;
}

const listOf = (text: string): number => {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('must be the number of a price list');
  return Number(text);
};
const byOf = (text: string): 'project' | 'task' => {
  if (text !== 'project' && text !== 'task') throw new InvalidArgumentError('must be project or task');
  return text;
};

const begun = async (io: Io, { from, to, zone, list, prices }: RateOptions): Promise<WireRating> => {
  const period = { from, timeZone: zone, ...(to === undefined ? {} : { to }), ...(list === undefined ? {} : { list }) };
  if (prices === undefined) return io.client().billing.beginRating(period);
  const document = await openDocument(prices);
  return io
    .client()
    .billing.beginRating({ ...period, prices: document.body })
    .catch((error: unknown) => {
      throw inLines(error, prices, { ...document, lineOf: (place) => document.lineOf(place.replace(/^prices\./, '')) });
    });
};

const rate = async (io: Io, options: RateOptions): Promise<void> => {
  let rating = await begun(io, options);
  const said = (): string => `rated ${rating.done} of ${rating.total} lines`;
  await withProgress(io, said, async () => {
    while (rating.state === 'running') {
      await delay(LOOK_MS, undefined, { signal: io.signal });
      rating = await io.client().billing.rating(rating.id, { by: options.by });
    }
  });
  const { id, by } = rating;
  rating = await io.client().billing.rating(id, { by: options.by, limit: 10_000 });
  if (options.json) return io.print(JSON.stringify(rating, null, 2));
  const rows = rating.rows.map((row) => [
    row.project,
    ...(by === 'task' ? [row.task ?? '-'] : []),
    row.attempts,
    row.before,
    row.after,
    row.difference,
  ]);
  const { attempts, before, after, difference } = rating.sums;
  const sum = ['total', ...(by === 'task' ? [''] : []), attempts, before, after, difference];
  io.print(
    renderTable([
      ['PROJECT', ...(by === 'task' ? ['TASK'] : []), 'ATTEMPTS', 'IS', 'WOULD BE', 'DIFFERENCE'],
      ...rows,
      sum,
    ]),
  );
  if (rating.unrated > 0) io.tell(`${rating.unrated} attempts have no price by these: they are in no row`);
  if (rating.count > rating.rows.length) io.tell(`and ${rating.count - rating.rows.length} more rows`);
};

const ABOUT = `
Rates what started in a period again by other prices, in the background on the platform, and says what it would change. Nothing is changed.
With neither --list nor --prices it is rated by the lists that held, and the difference is nothing.`;

/** `fornax billing rate` */
export const addRateCommand = (billing: Command, io: Io): void => {
  billing
    .command('rate')
    .description('what a period would cost by other prices (operators)')
    .requiredOption('--from <time>', 'where the period begins: an instant, a day, a month, today, yesterday or month')
    .option('--to <time>', 'where it ends (absent: now)')
    .option('--zone <time zone>', 'time zone of days and months', 'UTC')
    .option('--list <number>', 'by a list that was published', listOf)
    .option('--prices <file>', 'by a list in a file, which is not published')
    .option('--by <what>', 'project or task', byOf, 'project')
    .option('--json', 'as JSON')
    .addHelpText('after', ABOUT)
    .action((options: RateOptions) => rate(io, options));
};
