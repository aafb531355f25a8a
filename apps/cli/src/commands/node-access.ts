import { type Command, InvalidArgumentError } from 'commander';
import { type Io, withProgress } from '../terminal/io.js';
import { clientOf, withReason, type ReasonOptions } from './others.js';

const UNITS_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** `30m` and the like. @returns seconds */
const durationOf = (text: string): number => {
  const [, amount, unit = ''] = /^(\d{1,7})([smhd])$/.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('must be a time such as 30m, 12h or 7d');
  return Number(amount) * (UNITS_S[unit] ?? 1);
};

interface TokenOptions extends ReasonOptions {
  readonly name?: string;
  readonly expires?: number;
}

const createToken = async (io: Io, options: TokenOptions): Promise<void> => {
  const { name, expires } = options;
  const wanted = {
    ...(name === undefined ? {} : { name }),
    ...(expires === undefined ? {} : { expiresInSeconds: expires }),
  };
  const { token, expiresAt } = await clientOf(io, options).nodeAccess.createToken(wanted);
  io.tell(
    `opens once, until ${expiresAt}${name === undefined ? '' : `, for the name ${name}`}; it is not shown again.`,
  );
  io.tell('On the other machine: fornax-node join <address of this platform> <token>');
  io.print(token);
};

const listTokens = async (io: Io): Promise<void> => {
  const rows = (await io.client().nodeAccess.tokens()).map((token) => [
    token.id,
    token.status,
    token.name ?? 'any',
    token.usedBy ?? '-',
    token.expiresAt,
    token.createdBy,
    token.reason === '' ? '-' : token.reason,
  ]);
  io.table([['ID', 'STATUS', 'NAME', 'USED BY', 'EXPIRES', 'MADE BY', 'REASON'], ...rows]);
};

const revoke = async (io: Io, node: string, options: ReasonOptions): Promise<void> => {
  const work = () => clientOf(io, options).nodeAccess.revoke(node);
  const { connectionsEnded } = await withProgress(io, `cutting off ${node}`, work);
  const connections = connectionsEnded === 1 ? '1 connection' : `${connectionsEnded ?? 'no'} connections`;
  io.print(`${node}: revoked, ${connections} ended`);
  if (connectionsEnded !== null) return;
  io.tell('the NATS server could not be asked to end its connections; the platform goes on trying');
};

/** `fornax node token`, `tokens`, `untoken`, `rotate` and `revoke`. */
export const addNodeAccessCommands = (node: Command, io: Io): void => {
  withReason(
    node.command('token').description('make a one-time token for a machine that is to become a node; prints it'),
  )
    .option('-n, --name <name>', 'the only name that it can be used for; also one whose place a new machine takes')
    .option('-e, --expires <time>', 'how long it opens, such as 30m, 12h or 7d (1h)', durationOf)
    .action((options: TokenOptions) => createToken(io, options));
  node
    .command('tokens')
    .description('the tokens of the last 30 days; never what opens anything')
    .action(() => listTokens(io));
  withReason(node.command('untoken <id>').description('let a token that was not used open nothing any more')).action(
    (id: string, options: ReasonOptions) => clientOf(io, options).nodeAccess.revokeToken(id),
  );
  withReason(
    node
      .command('rotate <node>')
      .description('let a node make itself a new key; the old one is void once the new one was used'),
  ).action(async (id: string, options: ReasonOptions) => {
    await clientOf(io, options).nodeAccess.rotate(id);
    io.print(`${id}: makes itself a new key within its grace period`);
  });
  withReason(
    node
      .command('revoke <node>')
      .description('cut a node off at once; what it ran is given to others, and it may not come back'),
  ).action((id: string, options: ReasonOptions) => revoke(io, id, options));
};
