import { readFile } from 'node:fs/promises';
import type { StatementWish } from '@fornax/client';
import { readStatement, type ReadStatement } from '@fornax/client/documents';
import type { Io } from '../terminal/io.js';
import { verifyArchive } from './log-archive.js';
import { differencesInProof, differencesOf, namesThatChanged, rowsHeld } from './statement-differences.js';

/** Rows of the statement of a period that are compared. */
const MOST_ROWS = 10_000;
/** Differences that are printed. */
const MOST_TOLD = 20;
const MONTHS = 12;

/** Whether a statement still follows from the range of the log that it was folded from. */
interface Standing {
  /** About the range of the log. */
  readonly range: string;
  /** About its rows. */
  readonly rows: string;
  /** Why it does not stand, each with its place. */
  readonly differences: readonly string[];
  /** What nothing proves, and is otherwise today. */
  readonly notes: readonly string[];
  /** Whether everything that it says is proved. */
  readonly isProved: boolean;
}

/** A month, a day, or `<from>..<to>`. */
const periodOf = (text: string): Pick<StatementWish, 'from' | 'to'> | undefined => {
  const [, from, to] = /^(.+?)\.\.(.+)$/.exec(text) ?? [];
  if (from !== undefined && to !== undefined) return { from, to };
  const [, year, month, day] = /^(\d{4})-(\d{2})(?:-(\d{2}))?$/.exec(text) ?? [];
  if (year === undefined || Number(month) > MONTHS) return undefined;
  const [y, m] = [Number(year), Number(month)];
  const after = day === undefined ? Date.UTC(y, m, 1) : Date.UTC(y, m - 1, Number(day) + 1);
  return { from: text, to: new Date(after).toISOString().slice(0, text.length) };
};

const load = async (io: Io, named: string): Promise<ReadStatement> => {
  const bytes = await readFile(named).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  const period = bytes === undefined ? periodOf(named) : undefined;
  if (period !== undefined) {
    const statement = await io.client().billing.statement({ ...period, groupBy: 'project,user', limit: MOST_ROWS });
    return { proof: statement.proof, statement };
  }
  if (bytes === undefined) throw new Error(`${named} is neither a file nor a period, such as 2027-01`);
  // Of a file of bytes, each is a character: the proof is a word of ASCII.
  const found = readStatement(bytes.toString('utf8')) ?? readStatement(bytes.toString('latin1'));
  if (found === undefined) throw new Error(`${named} says nothing of the log that it was folded from`);
  return found;
};

const rangeOf = async (io: Io, { proof }: ReadStatement): Promise<Standing> => {
  const { log, to, archivedTo, segment, hash, isWhole } = proof;
  const what = `commits 1 to ${to} of log ${log}`;
  const nothing = { rows: '', notes: [] };
  if (segment === 0)
    return {
      ...{ ...nothing, differences: differencesInProof(proof, 0), isProved: false },
      range: `${what}: none of them was archived yet when it was made`,
    };
  const found = await verifyArchive(io, { log, until: segment });
  const damage = (found?.findings ?? []).map(
    (one) => `segment ${one.segment}, from sequence ${one.sequence ?? '?'}: ${one.reason.replace(/\s+/g, ' ')}`,
  );
  if (found === undefined || found.segments < segment)
    damage.push(
      `there are ${found?.segments ?? 0} segments of the archive of this log, and it was folded from ${segment}`,
    );
  else if (found.hash !== hash)
    damage.push(
      `the hash of segment ${segment} is ${found.hash}: commits up to ${found.to} are others than those that it was folded from`,
    );
  if (found !== undefined && found.segments >= segment) damage.push(...differencesInProof(proof, found.to));
  const open = isWhole
    ? ''
    : `; those after ${archivedTo} were not archived yet when it was made, and are not proved by it`;
  const state = damage.length === 0 ? `as they were, hash ${hash} of segment ${segment}` : 'are not what they were';
  return { ...nothing, range: `${what}: ${state}${open}`, differences: damage, isProved: isWhole };
};

const rowsOf = async (
  io: Io,
  { statement }: ReadStatement,
): Promise<Pick<Standing, 'rows' | 'differences' | 'notes'> & { readonly isCut: boolean | undefined }> => {
  const unknown = { differences: [], notes: [], isCut: undefined };
  if (statement === undefined)
    return {
      ...unknown,
      rows: 'rows are compared where the statement is JSON: of this one only the range of the log was',
    };
  const { from, to, timeZone, through, accounts, project, offset, groupBy, rows } = statement;
  const [account] = accounts?.length === 1 ? accounts : [];
  const now = await io.client().billing.statement({
    ...{ from, to, timeZone, groupBy: groupBy.join(','), offset, limit: Math.max(1, rows.length), through },
    ...(account === undefined ? {} : { account }),
    ...(project === null ? {} : { project }),
  });
  if (JSON.stringify(now.accounts) !== JSON.stringify(accounts))
    return {
      ...unknown,
      rows: 'it is of other accounts than those that you look after: its rows were not compared',
    };
  const differences = differencesOf(statement, now);
  const state = differences.length === 0 ? 'as the ledger has them' : 'not as the ledger has them';
  return {
    rows: `${rowsHeld(statement, now.count)} and their total as of commit ${through}: ${state}`,
    ...{ differences, notes: namesThatChanged(statement, now), isCut: rows.length < now.count },
  };
};

/** What is said first. A page stands, but the statement that it is of is not there: nobody can tell it from one whose other rows were cut out. */
const verdictOf = (stands: boolean, isCut: boolean): string => {
  if (!stands) return 'the statement does not stand';
  return isCut ? 'the rows that it has stand, and it does not have all of them' : 'the statement stands';
};

/** Says whether a statement, of a file or of a period, still stands, or where it does not. Sets exit code 1 where not, and where rows of it are missing. */
export const verifyStatement = async (io: Io, named: string, json: boolean): Promise<void> => {
  const read = await load(io, named);
  const range = await rangeOf(io, read);
  const rows = await rowsOf(io, read);
  const differences = [...range.differences, ...rows.differences];
  const stands = differences.length === 0;
  if (!stands || rows.isCut === true) io.setExitCode(1);
  if (json)
    return io.print(
      JSON.stringify(
        {
          stands,
          isProved: range.isProved,
          // null: its rows were not compared.
          isWhole: rows.isCut === undefined ? null : !rows.isCut,
          proof: read.proof,
          range: range.range,
          rows: rows.rows,
          differences,
          notes: rows.notes,
        },
        null,
        2,
      ),
    );
  const provisional = range.isProved ? '' : ', as far as it is archived';
  io.print(`${verdictOf(stands, rows.isCut === true)}${stands ? provisional : ''}`);
  io.print(range.range);
  io.print(rows.rows);
  for (const line of differences.slice(0, MOST_TOLD)) io.print(`- ${line}`);
  if (differences.length > MOST_TOLD) io.print(`and ${differences.length - MOST_TOLD} more differences`);
  for (const line of rows.notes.slice(0, MOST_TOLD)) io.print(`note: ${line}`);
};
