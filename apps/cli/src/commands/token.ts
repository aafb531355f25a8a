import { type Command, InvalidArgumentError } from 'commander';
import type { Io } from '../terminal/io.js';
import { clientOf, withReason, type ReasonOptions } from './others.js';

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `12h` and the like from now on, or a date. @returns ISO 8601 */
const expiryOf = (text: string): string => {
  const [, amount, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const at = amount === undefined ? Date.parse(text) : Date.now() + Number(amount) * (UNITS_MS[unit] ?? 0);
  if (Number.isNaN(at)) throw new InvalidArgumentError('must be a date, or a time such as 30d, 12h or 5m');
  return new Date(at).toISOString();
};

interface TokenOptions {
  readonly user?: string;
}
interface CreateOptions extends TokenOptions, ReasonOptions {
  readonly name: string;
  readonly expires?: string;
}

const create = async (io: Io, { name, expires, user, ...options }: CreateOptions): Promise<void> => {
  const wanted = { name, ...(expires === undefined ? {} : { expirationDate: expires }) };
  const { token, id, expirationDate } = await clientOf(io, options).people.createToken(wanted, user);
  io.tell(`token ${id}${expirationDate === null ? '' : `, until ${expirationDate}`}; it is not shown again:`);
  io.print(token);
};

const list = async (io: Io, { user }: TokenOptions): Promise<void> => {
  const rows = (await io.client().people.tokens(user)).map(({ id, name, creationDate, expirationDate, isExpired }) => [
    name,
    creationDate,
    expirationDate === null ? 'never' : `${expirationDate}${isExpired ? ' (expired)' : ''}`,
    id,
  ]);
  io.table([['NAME', 'CREATED', 'EXPIRES', 'ID'], ...rows]);
};

export const addTokenCommands = (program: Command, io: Io): void => {
  const token = program.command('token').description('what opens the platform for a user');
  const forUser = '-u, --user <user>';
  withReason(token.command('create').description('make a token; prints it, once'))
    .requiredOption('-n, --name <name>', 'what it is for')
    .option('-e, --expires <when>', 'a date, or a time such as 30d, 12h or 5m', expiryOf)
    .option(forUser, 'for somebody else (operators)')
    .action((options: CreateOptions) => create(io, options));
  token
    .command('list')
    .description('your tokens; never what opens anything')
    .option(forUser, 'of somebody else (operators)')
    .action((options: TokenOptions) => list(io, options));
  withReason(token.command('revoke <id>').description('let a token open nothing any more, at once'))
    .option(forUser, 'of somebody else (operators)')
    .action((id: string, { user, ...options }: TokenOptions & ReasonOptions) =>
      clientOf(io, options).people.revokeToken(id, user),
    );
};
