import type { TaskCreation, WireErrors } from '@fornax/contracts';
import { constantProblem, diskConstant, has, parseRanges, type Profile } from '@fornax/domain';
import { CsvProblem } from './csv.js';
import { type ParameterTable, readTable, type ReadTable } from './parameter-table.js';

const FIELD = 'fornax.each';
type Problem = { readonly errors: WireErrors };
const wrong = (text: string, field = FIELD): Problem => ({ errors: { [field]: [text] } });

/** @param line undefined of a table that was not read from a text just now */
const atLine = (line: number | undefined, text: string): Problem =>
  wrong(`${line === undefined ? 'The table' : `Line ${line}`}: ${text}.`);

const read = (csv: string): ReadTable | Problem => {
  try {
    return readTable(csv);
  } catch (error) {
    if (error instanceof CsvProblem) return atLine(error.line, error.message);
    throw error;
  }
};

/** A column stands for a constant: it must not be said otherwise, and each of its values must be one that the profile takes. */
const columnProblem = (
  { columns, rows, lines }: ParameterTable & { readonly lines?: readonly number[] },
  { constants = [], forcedConstants = [] }: TaskCreation,
  profile: Profile,
): Problem | undefined => {
  const said = new Set([
    ...constants.map(({ key }) => key),
    ...forcedConstants.map(({ constantName }) => constantName),
  ]);
  const twice = columns.find((name) => said.has(name));
  if (twice !== undefined) return atLine(lines && 1, `the column ${twice} is a constant of the task as well`);
  if (columns.includes(diskConstant.name))
    return atLine(lines && 1, `${diskConstant.name} is for all instances of a task, and no column`);
  const known = new Set(profile.constants.map(({ name }) => name));
  const checked = columns.flatMap((key, at) => (known.has(key) ? [{ key, at }] : []));
  if (checked.length === 0) return undefined;
  for (const [index, row] of rows.entries()) {
    const misfit = constantProblem(
      profile,
      checked.map(({ key, at }) => ({ key, value: row[at] ?? '' })),
    );
    if (misfit) return atLine(lines?.[index], misfit.text.replace(/\.$/, ''));
  }
  return undefined;
};

/**
 * The table that a creation asks for, checked: its own, or else that of the task that it is made from.
 * @returns undefined: it asks for none
 */
export const askedTable = (
  creation: TaskCreation,
  inherited: ParameterTable | undefined,
  profile: Profile,
): ParameterTable | Problem | undefined => {
  const { each } = creation.fornax ?? {};
  const table = each === undefined ? inherited : read(each);
  if (table === undefined || 'errors' in table) return table;
  return columnProblem(table, creation, profile) ?? table;
};

/** Which instances a task with a table has: one for each row, or some of them by number. @returns canonical ranges, or the problem */
export const instancesOfTable = (
  { rows }: ParameterTable,
  { instanceCount }: TaskCreation,
  ranges: string | null,
): { readonly ranges: string } | Problem => {
  const all = `0-${rows.length - 1}`;
  if (instanceCount !== undefined && instanceCount !== rows.length)
    return wrong(
      `The table has ${rows.length} rows, one for each instance: leave the number of instances out.`,
      'instanceCount',
    );
  if (ranges === null) return { ranges: all };
  const [asked, rowsOf] = [parseRanges(ranges), parseRanges(all)];
  // Malformed ones are refused as those of any task.
  if ('rejection' in asked || 'rejection' in rowsOf) return { ranges };
  const last = (asked.ranges.bounds.at(-1) ?? 1) - 1;
  return has(rowsOf.ranges, last)
    ? { ranges }
    : wrong(`The table has ${rows.length} rows, so there is none for instance ${last}.`, 'advancedRanges');
};
