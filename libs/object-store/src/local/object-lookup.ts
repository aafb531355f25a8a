import { Gathered } from '@fornax/base';
import type { Place, Sql } from '../port/object-store.js';
import { rowsOf } from './rows.js';

export type ObjectRow = Awaited<ReturnType<typeof rowsOf>>[number];

/** Rows of objects by their places: those that are asked for at about the same time in one statement, as it costs more than finding them. */
export class ObjectLookup {
  readonly #asked: Gathered<Place, ObjectRow | undefined>;

  constructor(index: Sql) {
    this.#asked = new Gathered<Place, ObjectRow | undefined>(async (places) => {
      const rows = await rowsOf(
        index,
        `SELECT object.*, wanted.place::int AS place FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (bucket, key, place)
          CROSS JOIN LATERAL (SELECT * FROM object WHERE object.bucket = wanted.bucket AND object.key = wanted.key LIMIT 1) AS object`,
        [places.map(({ bucket }) => bucket), places.map(({ key }) => key)],
      );
      const found = new Map(rows.map((row) => [row['place'], row]));
      return places.map((_place, at) => found.get(at + 1));
    });
  }

  /** As it is now, not as it was when somebody else asked. */
  at({ bucket, key }: Place): Promise<ObjectRow | undefined> {
    return this.#asked.ask({ bucket, key });
  }
}
