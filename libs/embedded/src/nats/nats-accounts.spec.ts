import { describe, expect, it } from '@jest/globals';
import { accountsOf } from './nats-accounts.js';

describe('the accounts of the NATS server', () => {
  it.each(['services', 'platform', 'open'] as const)(
    'import no subject twice, or the server does not start: %s',
    (layout) => {
      for (const { name, imports } of accountsOf(layout, { admits: true })) {
        const subjects = imports.map(({ kind, account, subject }) => `${kind} ${account} ${subject}`);
        expect([name, subjects.filter((subject, at) => subjects.indexOf(subject) !== at)]).toEqual([name, []]);
      }
    },
  );
});
