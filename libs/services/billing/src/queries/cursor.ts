import type { QueryRunner } from 'typeorm';

export interface Sql {
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * Says how the transaction of a connection plans what follows: for all rows, not the first tenth, and without nested loops. A plan is kept for as long as its
 * cursor is read, and statistics of a table that has just grown are of before: then a nested loop over it would take hours.
 */
const PLAN_FOR_ALL = `SELECT set_config('cursor_tuple_fraction', '1', true), set_config('enable_nestloop', 'off', true)`;

/** Opens a cursor in the transaction of a connection, to be read to its end. @returns the next rows each time, at most so many; none at the end */
export const openCursor = async <Row>(
  runner: QueryRunner,
  { text, values }: Sql,
  atOnce: number,
): Promise<() => Promise<Row[]>> => {
  await runner.query(PLAN_FOR_ALL);
  await runner.query(`DECLARE rows_of_it NO SCROLL CURSOR FOR ${text}`, [...values]);
  return () => runner.query(`FETCH ${atOnce} FROM rows_of_it`);
};
