import { randomUUID } from 'node:crypto';
import { ApiError, type WireCreditsOfAccount, type WireOwnBudget } from '@fornax/client';
import { InvalidArgumentError, type Command } from 'commander';
import { projectNamed } from '../session/project.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';
import { once, withKey, type KeyOptions } from './keyed.js';
import { clientOf, withReason, type ReasonOptions } from './others.js';

const printCredits = (io: Io, { remaining, consumed, isExhausted, entries }: WireCreditsOfAccount): void => {
  const left = remaining === null ? 'unlimited: nothing was granted' : `${remaining} left`;
  io.print(`${left}, ${consumed} used${isExhausted ? '; used up' : ''}`);
  if (entries.length === 0) return;
  const rows = entries.map(({ at, kind, amount, note }) => [at, kind, amount, note]);
  io.table([['AT', 'WHAT', 'AMOUNT', 'NOTE'], ...rows]);
};

const cents = (value: number): string => `${Math.floor(value / 100)}.${String(value % 100).padStart(2, '0')}`;

const printBudgets = (io: Io, budgets: readonly WireOwnBudget[]): void => {
  const rows = budgets.map((one) => [
    one.uuid,
    one.alias || '-',
    cents(one.consumedAmountInCents),
    cents(one.totalAmountInCents),
    one.budgetOverrunPolicy,
    one.startDateUtc.slice(0, 10),
    one.expirationDateUtc?.slice(0, 10) ?? '-',
    one.isArchived ? 'archived' : one.isExhausted ? 'used up' : one.isActive ? 'active' : 'inactive',
  ]);
  io.table([['BUDGET', 'ALIAS', 'USED', 'TOTAL', 'POLICY', 'FROM', 'UNTIL', 'STATE'], ...rows]);
};

/** Whether nothing was granted to an account yet, so that nothing can be taken from it. */
const isUnlimited = (io: Io, account: string): Promise<boolean> =>
  io
    .client()
    .billing.credits(account)
    .then(
      ({ remaining }) => remaining === null,
      () => false,
    );

interface BookOptions extends ReasonOptions {
  readonly id?: string;
  readonly note?: string;
}
interface BudgetOptions extends ReasonOptions {
  readonly alias?: string;
  readonly amount?: string;
  readonly policy?: string;
  readonly from?: string;
  readonly until?: string;
  readonly thresholds?: readonly number[];
}

const percents = (text: string): readonly number[] => {
  const values = text.split(',').map(Number);
  if (values.some((value) => !Number.isInteger(value))) throw new InvalidArgumentError('must be percents, as in 50,80');
  return values;
};

const bodyOf = ({ alias, amount, policy, from, until, thresholds }: BudgetOptions): object =>
  Object.fromEntries(
    Object.entries({ alias, amount, policy, from, until, thresholds }).filter(([, value]) => value !== undefined),
  );

const withTerms = (command: Command): Command =>
  command
    .option('--alias <text>', 'for people')
    .option('--policy <policy>', 'AlertOnly, BlockNew or StopAndBlockAll')
    .option('--until <day>', 'the day before which it ends, in UTC (none: it lasts)')
    .option('--thresholds <percents>', 'percents of it at which webhooks are told, as in 50,80', percents);

/** `fornax credits …` and `fornax budget …` */
export const addSpendingCommands = (program: Command, io: Io): void => {
  const credits = program.command('credits').description('credits of accounts');
  credits
    .command('show [account]')
    .description('what was granted, charged and adjusted, and what is left (operators: of any account)')
    .action(async (account = 'me') => printCredits(io, await io.client().billing.credits(account)));
  const book = (name: string, kind: string, description: string): void => {
    withReason(
      credits
        .command(`${name} <account> <amount>`)
        .description(`${description} (operators)`)
        .option('--note <text>', 'what it is for')
        .option('--id <uuid>', 'of the booking: one that was booked is not booked again (default: a new one)'),
    ).action(async (account: string, amount: string, { note, id = randomUUID(), ...options }: BookOptions) => {
      const booking = { id, kind, amount, ...(note === undefined ? {} : { note }) };
      try {
        printCredits(io, await clientOf(io, options).billing.bookCredits(account, booking));
      } catch (error) {
        const isRefused = error instanceof ApiError && error.status < 500;
        if (isRefused && error.status === 400 && kind !== 'grant' && (await isUnlimited(io, account)))
          io.tell(`Grant some first: fornax credits grant ${harmlessLine(account)} <amount>`);
        if (!isRefused) io.tell(`This may have been booked. With --id ${id} the same command books it once.`);
        throw error;
      }
    });
  };
  book('grant', 'grant', 'grant credits: from its first grant on an account is held to what it has');
  book('charge', 'charge', 'take credits for something beside computing');
  book('adjust', 'adjustment', 'correct credits; less than 0 after --, as in: adjust ada@example.org -- -5');

  const budget = program.command('budget').description('budgets of projects');
  budget
    .command('list <project>')
    .description('budgets of a project, by slug or id')
    .action(async (project: string) =>
      printBudgets(io, await io.client().billing.budgets(await projectNamed(io, project))),
    );
  withKey(
    withTerms(
      budget.command('create <project> <amount>').description('make a budget (operators, coordinators)'),
    ).option('--from <day>', 'the first day that counts, in UTC; today where it is left out'),
  ).action(async (project: string, amount: string, options: BudgetOptions & KeyOptions) => {
    const body = { project: await projectNamed(io, project), ...bodyOf({ ...options, amount }) };
    const { billing } = clientOf(io, options);
    printBudgets(io, [await once(io, options.key, (key) => billing.createBudget(body, key))]);
  });
  withReason(
    withTerms(budget.command('change <budget>').description('change a budget (operators, coordinators)')).option(
      '--amount <amount>',
      'its total',
    ),
  ).action(async (id: string, options: BudgetOptions) =>
    printBudgets(io, [await clientOf(io, options).billing.changeBudget(id, bodyOf(options))]),
  );
  withReason(
    budget.command('archive <budget>').description('let a budget count and hold back nothing any more'),
  ).action(async (id: string, options: ReasonOptions) =>
    printBudgets(io, [await clientOf(io, options).billing.archiveBudget(id)]),
  );
};
