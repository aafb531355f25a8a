/**
 * Format of everything that is stored: data folder, event log, schemas. Raised only when a program of before must not touch what a later one wrote;
 * new events, new columns and new versions of a projection need none, because each of those has a way of its own (upcasters, migrations that only
 * add, rebuilds; ADR 0029). Format 2: schemas of output and webhooks (ADR 0037), `TaskSubmitted` version 2 (ADR 0043).
 */
export const DATA_FORMAT: number = 2;

/** A newer release wrote this data: nothing of it was touched. For operators; its text says what to do. */
export class NewerData extends Error {
  constructor(what: string, found: string | number) {
    super(
      `${what} was written by a newer release of Fornax (format ${found}); this one reads format ${DATA_FORMAT} and leaves it alone. ` +
        'Start the release that wrote it, or give this one other data.',
    );
    this.name = 'NewerData';
  }
}

/** @throws NewerData `found` is later than this program's format */
export const checkDataFormat = (what: string, found: number): void => {
  if (found > DATA_FORMAT) throw new NewerData(what, found);
};
