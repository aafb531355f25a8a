import type { QueryRunner } from 'typeorm';

export interface Sql {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Opens a cursor in the transaction of a connection. @returns the next rows each time, at most so many; none at the end */
export const openCursor = async <Row>(
  runner: QueryRunner,
  { text, values }: Sql,
  atOnce: number,
): Promise<() => Promise<Row[]>> => {
  await runner.query(`DECLARE rows_of_it NO SCROLL CURSOR FOR ${text}`, [...values]);
  return () => runner.query(`FETCH ${atOnce} FROM rows_of_it`);
};
