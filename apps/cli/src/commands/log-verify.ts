import type { LogDamage } from '@fornax/client';
import { type Command, InvalidArgumentError } from 'commander';
import { teller, type Io } from '../terminal/io.js';
import { printArchive, verifyArchive } from './log-archive.js';
import { verifyStatement } from './log-statement.js';

const HELP = `
The event log never deletes, so its sequences follow one another; each commit carries a checksum. What is missing or changed is named here
and put into the quarantine: nobody goes past it, and nothing is written, until a good copy is back or you decide to go on without it:
fornax log quarantine drop <id>. Then the archive of the log is compared: each segment with its hashes, with the one before, with what the log says of
it, and with the log itself. Exit code 1 while there is damage that nobody has decided about, or when the archive is not what was archived.

A statement carries the hash of the range of the log that it was folded from: with --statement the archive is compared up to there, and, where it is JSON,
each of its rows with the ledger as of the same commit. Exit code 1 when it does not stand, with the place.`;

const sequenceOf = (text: string): number => {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('must be a sequence such as 1');
  return Number(text);
};

interface Options {
  readonly from?: number;
  readonly json?: boolean;
  readonly live: boolean;
  readonly archive: boolean;
  /** Epoch of a log whose archive is looked at. */
  readonly log?: string;
  /** A statement that is looked at: a file, or a period. */
  readonly statement?: string;
}

/** What was found in the log itself. */
interface LiveVerification {
  readonly from: number;
  readonly to: number;
  readonly commits: number;
  readonly withoutChecksum: number;
  readonly places: readonly LogDamage[];
}

const verifyLive = async (io: Io, from: number): Promise<LiveVerification> => {
  const damage = new Map<string, LogDamage>();
  let commits = 0;
  let withoutChecksum = 0;
  let to = from - 1;
  const tell = teller(io);
  for (let head = Number.POSITIVE_INFINITY; to < head;) {
    const part = await io.client().log.verify({ from: to + 1, signal: io.signal });
    ({ head } = part);
    commits += part.commits;
    withoutChecksum += part.withoutChecksum;
    for (const place of part.damage) damage.set(place.id, place);
    if (part.to <= to) break;
    to = part.to;
    if (to < head) tell(`verified up to ${to} of ${head}`);
  }
  return { from, to, commits, withoutChecksum, places: [...damage.values()] };
};

const printLive = (io: Io, { from, to, commits, withoutChecksum, places }: LiveVerification): void => {
  const older = withoutChecksum === 0 ? '' : `, ${withoutChecksum} of them older than checksums`;
  const state = places.length === 0 ? 'the log is whole' : 'the log is damaged';
  io.print(`${commits} commits from ${from} to ${to}${older}: ${state}`);
  if (places.length === 0) return;
  const rows = places.map((place) => [
    place.id,
    place.from,
    place.through,
    place.isGivenUp ? 'given up' : 'open',
    place.reason.replace(/\s+/g, ' '),
  ]);
  io.table([['ID', 'FROM', 'THROUGH', 'STATE', 'WHAT'], ...rows]);
};

const verify = async (io: Io, { from = 1, json = false, live, archive, log, statement }: Options): Promise<void> => {
  if (statement !== undefined) return verifyStatement(io, statement, json);
  // Of another log there is nothing but its archive.
  const found = live && log === undefined ? await verifyLive(io, from) : undefined;
  const archived = archive ? await verifyArchive(io, { log }) : undefined;
  if (found?.places.some(({ isGivenUp }) => !isGivenUp) === true || (archived?.findings.length ?? 0) > 0)
    io.setExitCode(1);
  if (json) {
    const { places = [], ...counts } = found ?? {};
    const whole = found === undefined ? {} : { ...counts, isWhole: places.length === 0, damage: places };
    return io.document({ ...whole, ...(archived === undefined ? {} : { archive: archived }) });
  }
  if (found !== undefined) printLive(io, found);
  if (archived !== undefined) printArchive(io, archived);
};

/** `fornax log verify`, for operators. */
export const addLogVerifyCommand = (program: Command, io: Io): void => {
  const log = program.commands.find((command) => command.name() === 'log') ?? program.command('log');
  log
    .command('verify')
    .description('look whether each commit of the event log is there and holds what was appended')
    .option('-f, --from <sequence>', 'where to begin (1)', sequenceOf)
    .option('--no-live', 'only the archive')
    .option('--no-archive', 'only the log itself')
    .option('--log <epoch>', 'only the archive of this log, which may be lost')
    .option(
      '--statement <file or period>',
      'only whether this statement still stands: a file, 2027-01, 2027-01-31 or from..to',
    )
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action((options: Options) => verify(io, options));
};
