import type { LogDamage } from '@fornax/client';
import { type Command, InvalidArgumentError } from 'commander';
import type { Io } from '../terminal/io.js';
import { renderTable } from '../terminal/table.js';

const HELP = `
The event log never deletes, so its sequences follow one another; each commit carries a checksum. What is missing or changed is named here
and put into the quarantine: nobody goes past it, and nothing is written, until a good copy is back or you decide to go on without it:
fornax log quarantine drop <id>. Exit code 1 while there is damage that nobody has decided about.`;

const QUIET_MS = 2_000;
const TELL_MS = 1_000;

const sequenceOf = (text: string): number => {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('must be a sequence such as 1');
  return Number(text);
};

interface Options {
  readonly from?: number;
  readonly json?: boolean;
}

const verify = async (io: Io, { from = 1, json = false }: Options): Promise<void> => {
  const damage = new Map<string, LogDamage>();
  let commits = 0;
  let withoutChecksum = 0;
  let to = from - 1;
  let toldAt = performance.now() + QUIET_MS - TELL_MS;
  for (let head = Number.POSITIVE_INFINITY; to < head;) {
    const part = await io.client().log.verify({ from: to + 1, signal: io.signal });
    ({ head } = part);
    commits += part.commits;
    withoutChecksum += part.withoutChecksum;
    for (const place of part.damage) damage.set(place.id, place);
    if (part.to <= to) break;
    to = part.to;
    if (to >= head || performance.now() - toldAt < TELL_MS) continue;
    io.tell(`verified up to ${to} of ${head}`);
    toldAt = performance.now();
  }
  const places = [...damage.values()];
  if (places.some(({ isGivenUp }) => !isGivenUp)) io.setExitCode(1);
  if (json)
    return io.print(
      JSON.stringify({ from, to, commits, withoutChecksum, isWhole: places.length === 0, damage: places }, null, 2),
    );
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
  io.print(renderTable([['ID', 'FROM', 'THROUGH', 'STATE', 'WHAT'], ...rows]));
};

/** `fornax log verify`, for operators. */
export const addLogVerifyCommand = (program: Command, io: Io): void => {
  const log = program.commands.find((command) => command.name() === 'log') ?? program.command('log');
  log
    .command('verify')
    .description('look whether each commit of the event log is there and holds what was appended')
    .option('-f, --from <sequence>', 'where to begin (1)', sequenceOf)
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action((options: Options) => verify(io, options));
};
