import { setTimeout as delay } from 'node:timers/promises';
import type { WireRating } from '@fornax/client';
import { InvalidArgumentError, type Command } from 'commander';
import { inLines } from '../session/document-errors.js';
import { openDocument } from '../session/job-file.js';
import { withProgress, type Io } from '../terminal/io.js';
import { once, withKey, type KeyOptions } from './keyed.js';
import { clientOf, withReason, type ReasonOptions } from './others.js';

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

/** Waits while the platform is busy with a rating. @throws Error it failed */
const settled = async (
  io: Io,
  begunWith: WireRating,
  {
    while: busy,
    said,
    by,
  }: { while: WireRating['state']; said: (rating: WireRating) => string; by: 'project' | 'task' },
): Promise<WireRating> => {
  let rating = begunWith;
  await withProgress(
    io,
    () => said(rating),
    async () => {
      while (rating.state === busy) {
        for await (const step of io.client().billing.followRating(rating.id, io.signal))
          rating = { ...rating, ...step };
        rating = await io.client().billing.rating(rating.id, { by });
        // The process that told of it ended: another one does.
        if (rating.state === busy) await delay(LOOK_MS, undefined, { signal: io.signal });
      }
    },
  );
  if (rating.state === 'failed') throw new Error(`rating ${rating.id} failed: ${rating.reason ?? 'nobody knows why'}`);
  return rating;
};

const rate = async (io: Io, options: RateOptions): Promise<void> => {
  let rating = await settled(io, await begun(io, options), {
    ...{ while: 'running', by: options.by },
    said: ({ done, total }) => `rated ${done} of ${total} lines`,
  });
  const { id, by } = rating;
  rating = await io.client().billing.rating(id, { by: options.by, limit: 10_000 });
  if (options.json) return io.document(rating);
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
  io.table([['PROJECT', ...(by === 'task' ? ['TASK'] : []), 'ATTEMPTS', 'IS', 'WOULD BE', 'DIFFERENCE'], ...rows, sum]);
  if (rating.unrated > 0) io.tell(`${rating.unrated} attempts have no price by these: they are in no row`);
  if (rating.count > rating.rows.length) io.tell(`and ${rating.count - rating.rows.length} more rows`);
  if (options.prices === undefined && difference !== '0') io.tell(`fornax billing commit ${id} books the difference`);
};

const commit = async (io: Io, id: string, options: KeyOptions & ReasonOptions): Promise<void> => {
  const { billing } = clientOf(io, options);
  const rating = await settled(io, await once(io, options.key, (key) => billing.commitRating(id, key)), {
    ...{ while: 'committing', by: 'project' },
    said: ({ booked }) => `booking the difference of rating ${id}: ${booked} lines are corrected`,
  });
  io.print(`booked ${rating.sums.difference}: it was ${rating.sums.before}, and is ${rating.sums.after}`);
};

const months = async (io: Io): Promise<void> => {
  const rows = (await io.client().billing.closedMonths()).map(({ month, closedAt, sequence }) => [
    month,
    closedAt,
    sequence,
  ]);
  io.table([['MONTH', 'CLOSED', 'SEQUENCE'], ...rows]);
};

const close = async (io: Io, month: string, options: ReasonOptions): Promise<void> => {
  const found = (await clientOf(io, options).billing.closeMonth(month)).find((one) => one.month === month);
  io.print(
    found ? `${month} is closed, at sequence ${found.sequence} of the log` : `${month} is closed, with a later month`,
  );
};

const ABOUT = `
Rates what started in a period again by other prices, in the background on the platform, and says what it would change. Nothing is changed.
With neither --list nor --prices each line is rated by the list that it has, and the difference is nothing.`;
const COMMIT_HELP = `
Each line that the rating prices otherwise gets one beside it that corrects it: nothing is changed or deleted. It is booked once, and refused where something
of the period was rated or corrected since. What is of a closed month counts when it is booked.`;
const CLOSE_HELP = `
Statements of a month (UTC) that is closed, and of those before it, read the same for ever: what is told of them later counts when it is told. It cannot be
opened again.`;

/** `fornax billing rate`, `commit`, `months` and `close` */
export const addRatingCommands = (billing: Command, io: Io): void => {
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
  withKey(
    billing
      .command('commit <rating>')
      .description('book the difference of a rating by a list that was published (operators)')
      .addHelpText('after', COMMIT_HELP),
  ).action((id: string, options: KeyOptions & ReasonOptions) => commit(io, id, options));
  billing
    .command('months')
    .description('months that are closed')
    .action(() => months(io));
  withReason(
    billing
      .command('close <month>')
      .description('close a month that is over, such as 2027-01 (operators)')
      .addHelpText('after', CLOSE_HELP),
  ).action((month: string, options: ReasonOptions) => close(io, month, options));
};
