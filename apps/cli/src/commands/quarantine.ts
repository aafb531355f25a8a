import type { QuarantineDetail, QuarantineEntry } from '@fornax/client';
import type { Command } from 'commander';
import { harmless } from '../terminal/harmless.js';
import type { Io } from '../terminal/io.js';

const HELP = `
A message that nobody can read, or a fold that throws on one task, node or account, is put aside: everything else goes on.
Until you decide, commands on what it belongs to are refused and /health says "degraded".

Damage of the event log stops everything: nothing is written until a good copy is back (retry) or you give up what is lost (drop).

  drop   leave it out for good: it was an attack or a mistake. Who, when and why are kept.
  retry  read and fold it again: after an upgrade that understands it. The read models that it belongs to are rebuilt.`;

const MAX_REASON = 120;

const aboutOf = ({ aggregate, aggregateId, subject }: QuarantineEntry): string =>
  aggregate === null ? (subject ?? '-') : `${aggregate} ${aggregateId ?? ''}`;

const WHAT: Readonly<Record<QuarantineEntry['kind'], (entry: QuarantineEntry) => string>> = {
  stopped: ({ follower }) => `fold of ${follower ?? '-'}`,
  unreadable: () => 'message',
  damaged: () => 'damage',
};
const WHAT_AT_LENGTH: Readonly<Record<QuarantineEntry['kind'], (entry: QuarantineEntry) => string>> = {
  stopped: ({ follower }) => `the fold of ${follower ?? '-'} throws`,
  unreadable: () => 'a message that cannot be read',
  damaged: () => 'damage of the event log: nobody goes past it',
};

const list = async (io: Io, all: boolean): Promise<void> => {
  const entries = await io.client().log.quarantine(all);
  if (entries.length === 0) {
    io.tell(all ? 'nothing was ever put aside' : 'nothing is put aside');
    return;
  }
  const rows = entries.map((entry) => [
    entry.id,
    entry.state,
    WHAT[entry.kind](entry),
    aboutOf(entry),
    entry.foundAt,
    entry.reason.replace(/\s+/g, ' ').slice(0, MAX_REASON),
  ]);
  io.table([['ID', 'STATE', 'WHAT', 'ABOUT', 'FOUND', 'REASON'], ...rows]);
};

const linesOf = (entry: QuarantineDetail): readonly (readonly [name: string, value: string | number | null])[] => [
  ['id', entry.id],
  ['state', entry.state],
  ['what', WHAT_AT_LENGTH[entry.kind](entry)],
  ['reason', entry.reason],
  ['stream', entry.stream],
  ['sequence', entry.sequence],
  ['subject', entry.subject],
  ['aggregate', entry.aggregate === null ? null : `${entry.aggregate} ${entry.aggregateId ?? ''}`],
  ['size', entry.sizeBytes === null ? null : `${entry.sizeBytes} bytes`],
  ['stored', entry.storedAt],
  ['found', `${entry.foundAt} by ${entry.foundBy}`],
  [
    'decided',
    entry.decision &&
      `${entry.decision.at} by ${entry.decision.by}${entry.decision.reason === null ? '' : `: ${entry.decision.reason}`}`,
  ],
];

const show = async (io: Io, id: string, isJson: boolean): Promise<void> => {
  const entry = await io.client().log.quarantined(id);
  if (isJson) return io.document(entry);
  for (const [name, value] of linesOf(entry))
    if (value !== null) io.print(`${name.padEnd(10)} ${harmless(String(value))}`);
  for (const { name, value } of entry.headers) io.print(`header     ${harmless(`${name}: ${value}`)}`);
  if (entry.body === null) return;
  io.print(`body       ${entry.body.encoding}${entry.body.isCut ? ', its beginning' : ''}:`);
  io.print(harmless(entry.body.value));
};

const decide = async (io: Io, id: string, decision: 'drop' | 'retry', reason: string | undefined): Promise<void> => {
  const { state, reason: why } = await io.client().log.decide(id, decision, reason);
  io.print(`${id}  ${state}`);
  if (state === 'retrying') io.tell('it is being folded again; see fornax log quarantine show');
  if (state !== 'open') return;
  io.tell(`it failed again: ${harmless(why)}`);
  io.setExitCode(1);
};

/** `fornax log quarantine …`, for operators. */
export const addQuarantineCommands = (program: Command, io: Io): void => {
  const log = program.commands.find((command) => command.name() === 'log') ?? program.command('log');
  if (log.description() === '') log.description('the event log (operators)');
  const quarantine = log
    .command('quarantine')
    .description('messages that nobody could read and folds that threw (operators)')
    .addHelpText('after', HELP);
  quarantine
    .command('list')
    .description('what waits for a decision')
    .option('-a, --all', 'also what was decided')
    .action(({ all = false }: { readonly all?: boolean }) => list(io, all));
  quarantine
    .command('show <id>')
    .description('where it came from, why it was put aside, and the beginning of its body')
    .option('--json', 'as JSON')
    .action((id: string, { json = false }: { readonly json?: boolean }) => show(io, id, json));
  for (const [decision, text] of [
    ['drop', 'leave it out for good'],
    ['retry', 'read and fold it again; exit code 1 if that fails again'],
  ] as const)
    quarantine
      .command(`${decision} <id>`)
      .description(text)
      .option('-r, --reason <reason>', 'why; it is kept')
      .action((id: string, { reason }: { readonly reason?: string }) => decide(io, id, decision, reason));
};
