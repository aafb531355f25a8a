import type { AuditFinding, AuditMessage } from '@fornax/client';
import type { Command } from 'commander';
import { withProgress, type Io } from '../terminal/io.js';

const HELP = `
Folds the event log from its beginning and looks for what must never be: an instance that ran twice at once or after its end, an attempt that is
billed twice, not billed or billed for nothing, a commit of a leader that was replaced, a lease that nobody takes back from a node that has gone.
With --projections also whether the rows of each read model equal those that the log gives. Exit code 1 when something is found.
How to read a finding: docs/how-to/audit.md.`;

const QUIET_MS = 2_000;
const TELL_MS = 2_000;
/** More of them say no more; all are counted. */
const MOST_SHOWN = 1_000;

interface Options {
  readonly projections?: boolean;
  readonly json?: boolean;
}

/** What an audit has found. */
export interface Audited {
  readonly head: number;
  readonly commits: number;
  readonly tasksUnderWay: number;
  readonly count: number;
  readonly findings: readonly AuditFinding[];
}

/** Follows an audit to its end, and says where it is on its way. */
export const followAudit = async (io: Io, messages: AsyncIterable<AuditMessage>): Promise<Audited> => {
  const findings: AuditFinding[] = [];
  let toldAt = performance.now() + QUIET_MS - TELL_MS;
  for await (const message of messages) {
    if (message.type === 'finding' && findings.length < MOST_SHOWN) findings.push(message.finding);
    if (message.type === 'end') {
      const { head, commits, tasksUnderWay, findings: count } = message;
      return { head, commits, tasksUnderWay, count, findings };
    }
    if (message.type !== 'progress' || performance.now() - toldAt < TELL_MS) continue;
    toldAt = performance.now();
    io.tell(`audited up to ${message.sequence} of ${message.head}, ${message.tasksUnderWay} tasks under way there`);
  }
  throw new Error('the audit broke off before its end');
};

/** Read models whose rows differ from what the log gives. */
const differing = async (io: Io): Promise<readonly string[]> => {
  const found: string[] = [];
  for (const { name } of await io.client().projections.list()) {
    const { differences } = await withProgress(io, `comparing projection ${name}`, () =>
      io.client().projections.rebuild(name, { verify: true, signal: io.signal }),
    );
    for (const { table, onlyLive, onlyRebuilt } of differences)
      if (onlyLive > 0 || onlyRebuilt > 0)
        found.push(`${name}, table ${table}: ${onlyLive} rows only live, ${onlyRebuilt} only rebuilt`);
  }
  return found;
};

export const saidOf = ({ count }: Audited): string => (count === 0 ? 'nothing is wrong' : `${count} findings`);

export const printFindings = (io: Io, { count, findings }: Audited): void => {
  const rows = findings.map(({ kind, taskId, instance, sequences, detail }) => [
    kind,
    taskId,
    instance ?? '',
    sequences.join(' '),
    detail.replace(/\s+/g, ' '),
  ]);
  if (rows.length > 0) io.table([['WHAT', 'TASK', 'INSTANCE', 'SEQUENCES', 'DETAIL'], ...rows]);
  if (count > findings.length) io.print(`and ${count - findings.length} more`);
};

const audit = async (io: Io, { projections = false, json = false }: Options): Promise<void> => {
  const audited = await followAudit(io, io.client().history.audit(io.signal));
  const { count, findings, head, commits, tasksUnderWay } = audited;
  const differences = projections ? await differing(io) : [];
  if (count > 0 || differences.length > 0) io.setExitCode(1);
  if (json) {
    const rows = projections ? { differences } : {};
    return io.document({ head, commits, tasksUnderWay, count, findings, ...rows });
  }
  io.print(`${commits} commits of tasks and nodes up to ${head}, ${tasksUnderWay} tasks under way: ${saidOf(audited)}`);
  printFindings(io, audited);
  if (!projections) return;
  if (differences.length === 0) io.print('The rows of all read models equal what the log gives.');
  for (const line of differences) io.print(line);
};

/** `fornax log audit`, for operators. */
export const addLogAuditCommand = (program: Command, io: Io): void => {
  const log = program.commands.find((command) => command.name() === 'log') ?? program.command('log');
  log
    .command('audit')
    .description('check what the event log says: nothing ran or was billed twice, or is forgotten')
    .option('--projections', 'also compare the rows of each read model with the log (takes as long as folding them)')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action((options: Options) => audit(io, options));
};
