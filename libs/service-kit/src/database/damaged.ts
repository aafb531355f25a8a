import type { Trouble } from '../core/health.registry.js';

/** The message about damaged files for operators. It stays until the next start, because only a start can check whether they were repaired. */
export const damagedOf = (said: string): Trouble => ({
  reason: `files of PostgreSQL are damaged: ${said}`,
  ways: [
    'Look at its disk; put a good copy of the database back and start again: it may be older than the event log, what is missing is folded anew',
    'Give the platform an empty database: under npm start stop, move the folder postgres out of the data folder, and start. Read models come back from the event log, the index of objects from their files',
  ],
});

/** All of it in one sentence, where nobody is there yet to be asked. */
export const wordsOf = ({ reason, ways = [] }: Trouble): string =>
  [reason, ...ways.map((way, index) => `(${index + 1}) ${way}`)].join('. ');
