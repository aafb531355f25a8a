import type { JobDocument, JobDocumentTask } from '@fornax/contracts';

/** Of all tasks as JSON, with their tables: sixteen times the largest body. */
const MAX_CHARS = 16 * 1024 * 1024;
/** Quotes and a comma around each field of a table. */
const AROUND_FIELD = 3;

/** How long the table of a matrix is; nothing is unfolded for it. */
const tableChars = (matrix: NonNullable<JobDocumentTask['matrix']>): number => {
  const columns = Object.values(matrix);
  const rows = columns.reduce((product, values) => product * values.length, columns.length === 0 ? 0 : 1);
  return columns.reduce((sum, values) => {
    const chars = values.reduce((total, value) => total + value.length + AROUND_FIELD, 0);
    return sum + (rows / values.length) * chars;
  }, 0);
};

/** Whether the tasks of a document are together too large: a matrix, and what tasks have in common, make much of little. @returns the first task that is too much, as an error by its field */
export const unfoldedSizeErrors = ({
  tasks,
  environment = {},
  ...common
}: JobDocument): Readonly<Record<string, readonly string[]>> => {
  let chars = 0;
  for (const [at, { environment: own = {}, matrix = {}, ...task }] of tasks.entries()) {
    const unfolded = { ...common, ...task, environment: { ...environment, ...own } };
    chars += JSON.stringify(unfolded).length + tableChars(matrix);
    if (chars > MAX_CHARS)
      return {
        [`tasks[${at}]`]: [
          `With this task the tasks have more than ${MAX_CHARS} characters, each with its environment and a row for each combination: put what is large into a bucket.`,
        ],
      };
  }
  return {};
};
