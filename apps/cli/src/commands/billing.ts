import { InvalidArgumentError, type Command } from 'commander';
import { stringify } from 'yaml';
import { inLines } from '../session/document-errors.js';
import { openDocument } from '../session/job-file.js';
import type { Io } from '../terminal/io.js';
import { followAudit, printFindings, saidOf } from './log-audit.js';
import { addRatingCommands } from './rating.js';
import { clientOf, withReason, type ReasonOptions } from './others.js';

const versionOf = (text: string): number => {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('must be the number of a price list');
  return Number(text);
};

const publish = async (io: Io, file: string, options: ReasonOptions): Promise<void> => {
  const document = await openDocument(file);
  const { version, validFrom } = await clientOf(io, options)
    .billing.publishPrices(document.body)
    .catch((error: unknown) => {
      throw inLines(error, file, document);
    });
  io.print(`price list ${version} holds from ${validFrom}`);
  const replaced = (await io.client().billing.prices()).filter(({ replacedBy }) => replacedBy === version);
  for (const list of replaced)
    io.print(`price list ${list.version}, which was to hold from ${list.validFrom}, gave way to it`);
};

const list = async (io: Io): Promise<void> => {
  const rows = (await io.client().billing.prices()).map(
    ({ version, currency, validFrom, endsAt, replacedBy, sequence }) => [
      ...[version, currency, validFrom],
      replacedBy === null ? (endsAt ?? '-') : `never: list ${replacedBy} in its place`,
      sequence,
    ],
  );
  io.table([['LIST', 'CURRENCY', 'FROM', 'UNTIL', 'SEQUENCE'], ...rows]);
};

const unrated = async (io: Io): Promise<void> => {
  const { count, attempts, readings } = await io.client().billing.unrated();
  if (count === 0) return io.print('Everything that has run has a price.');
  io.setExitCode(1);
  const rows = attempts.map((one) => [one.taskId, one.instance, one.attempt, one.owner, one.reason, one.sequence]);
  io.table([['TASK OR POOL', 'INSTANCE', 'ATTEMPT', 'OWNER', 'WHY', 'SEQUENCE'], ...rows]);
  const more = count - attempts.length - readings;
  if (more > 0) io.print(`and ${more} more`);
  if (readings > 0) io.print(`${readings} readings of the meters of storage`);
};

const audit = async (io: Io, { json = false }: { readonly json?: boolean }): Promise<void> => {
  const audited = await followAudit(io, io.client().billing.audit(io.signal));
  if (audited.count > 0) io.setExitCode(1);
  if (json) return io.document(audited);
  io.print(
    `${audited.commits} commits up to ${audited.head}, and the ledger that follows from them: ${saidOf(audited)}`,
  );
  printFindings(io, audited);
};

const AUDIT_HELP = `
Folds the bill from the event log and compares each line of the ledger with it: an attempt that is in no line, in two, in one without a reason or in one
that differs is found, and so is a sum that its lines do not give, and a tag, a volume of discounts, a price list or a closed month that is not what the log
says. Exit code 1 when something is found. It changes nothing.`;

/** `fornax billing …` */
export const addBillingCommands = (program: Command, io: Io): void => {
  const billing = program.command('billing').description('what computing costs');
  const prices = billing.command('prices').description('price lists');
  withReason(
    prices
      .command('publish <file>')
      .description(
        'publish the next price list, a document in YAML or JSON (- reads it from the standard input); operators',
      ),
  ).action((file: string, options: ReasonOptions) => publish(io, file, options));
  prices
    .command('list')
    .description('all price lists, in the order of their publication')
    .action(() => list(io));
  prices
    .command('show')
    .description('one price list, as the document that says it, in YAML')
    .argument('<list>', 'its number', versionOf)
    .action(async (version: number) => io.write(stringify(await io.client().billing.priceList(version))));
  addRatingCommands(billing, io);
  billing
    .command('unrated')
    .description('what has run and has no price yet; exit code 1 if there is something (operators)')
    .action(() => unrated(io));
  billing
    .command('audit')
    .description('compare the ledger with the log: everything that ran is charged or waived, once (operators)')
    .option('--json', 'as JSON')
    .addHelpText('after', AUDIT_HELP)
    .action((options: { readonly json?: boolean }) => audit(io, options));
};
