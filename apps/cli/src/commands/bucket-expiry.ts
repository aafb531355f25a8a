import type { WireExpiryRule } from '@fornax/client';
import { type Command, InvalidArgumentError } from 'commander';
import { UsageError } from '../session/connection.js';
import { harmlessLine } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

const DAY = 86_400;

const wholeOf = (text: string): number => {
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number, 1 or more');
  return Number(text);
};
const spanOf = (seconds: number): string => (seconds % DAY === 0 ? `${seconds / DAY} days` : `${seconds} seconds`);

const print = (io: Io, bucket: string, rules: readonly WireExpiryRule[], json: boolean): void => {
  if (json) return io.document(rules);
  if (rules.length === 0) return io.print(`Objects of ${harmlessLine(bucket)} stay: it has no expiry rules.`);
  io.table([
    ['PREFIX', 'DELETED AFTER', 'DELETED SO FAR', 'BYTES', 'LAST'],
    ...rules.map(({ prefix, afterSeconds, expiredObjects, expiredBytes, expiredAt }) => [
      prefix === '' ? '(all)' : harmlessLine(prefix),
      spanOf(afterSeconds),
      expiredObjects,
      expiredBytes,
      expiredAt ?? '-',
    ]),
  ]);
};

interface PrefixChoices {
  readonly prefix: string;
  readonly json?: boolean;
}
interface SetChoices extends PrefixChoices {
  readonly days?: number;
  readonly seconds?: number;
}

const set = async (io: Io, bucket: string, { prefix, days, seconds, json = false }: SetChoices): Promise<void> => {
  const after = days === undefined ? seconds : days * DAY;
  if (after === undefined || (days !== undefined && seconds !== undefined))
    throw new UsageError('Say after how many --days or --seconds, and not both.');
  print(io, bucket, await io.client().storage.setExpiry(bucket, prefix, after), json);
};

const ABOUT = `
An object is over so long after its last change. Every rule counts by itself: of two for the same object the shorter one does. Rules do not look at tasks:
give inputs of tasks that wait or run a rule that is longer than they are. Results count from their upload. What is over is deleted for good.`;

/** `fornax bucket expiry …`. */
export const addBucketExpiryCommands = (bucket: Command, io: Io): void => {
  const expiry = bucket.command('expiry').description('how long objects stay, by prefix').addHelpText('after', ABOUT);
  expiry
    .command('list <bucket>')
    .description('rules, and what they have deleted so far')
    .option('--json', 'as JSON')
    .action(async (name: string, { json = false }: { readonly json?: boolean }) =>
      print(io, name, await io.client().storage.expiry(name), json),
    );
  expiry
    .command('set <bucket>')
    .description('delete objects some time after their last change')
    .option('--prefix <text>', 'only those whose keys begin with it', '')
    .option('--days <n>', 'after so many days', wholeOf)
    .option('--seconds <n>', 'after so many seconds', wholeOf)
    .option('--json', 'as JSON')
    .addHelpText('after', ABOUT)
    .action((name: string, choices: SetChoices) => set(io, name, choices));
  expiry
    .command('remove <bucket>')
    .description('let objects stay')
    .option('--prefix <text>', 'the prefix of the rule; left out: the rule for all objects', '')
    .option('--json', 'as JSON')
    .action(async (name: string, { prefix, json = false }: PrefixChoices) =>
      print(io, name, await io.client().storage.removeExpiry(name, prefix), json),
    );
};
