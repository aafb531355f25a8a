import {
  budgetDecider,
  creditsDecider,
  type BudgetState,
  type CreditEntry,
  type CreditsState,
  type SpendingEvent,
} from '@fornax/domain';
import type { Queries } from './ledger-state.js';

/** The fold of what stands under one id: credits of an account, without their entries, or a budget. */
export type SpendingRow =
  | { readonly spendingId: string; readonly kind: 'credits'; readonly state: CreditsState }
  | { readonly spendingId: string; readonly kind: 'budget'; readonly state: BudgetState };

interface StoredRow {
  readonly spending_id: string;
  readonly kind: SpendingRow['kind'];
  readonly state: unknown;
}

const rowOf = ({ spending_id: spendingId, kind, state }: StoredRow): SpendingRow =>
  kind === 'credits'
    ? { spendingId, kind, state: state as CreditsState }
    : { spendingId, kind, state: state as BudgetState };

export const readSpending = async (db: Queries, ids: readonly string[]): Promise<readonly SpendingRow[]> =>
  (await db.query<StoredRow[]>('SELECT * FROM spending WHERE spending_id = ANY($1::text[])', [ids])).map(rowOf);

/** What was booked on the credits of an account, in that order. */
export const readEntries = async (db: Queries, accountId: string): Promise<readonly CreditEntry[]> => {
  type Row = Pick<CreditEntry, 'kind' | 'note'> & Record<'entry_id' | 'micros' | 'at_ms', string>;
  const rows = await db.query<Row[]>(
    'SELECT entry_id, kind, micros, note, at_ms FROM credit_entry WHERE spending_id = $1 ORDER BY sequence',
    [accountId],
  );
  return rows.map(({ entry_id: entryId, kind, micros, note, at_ms: at }) => {
    return { entryId, kind, micros: Number(micros), note, at: Number(at) };
  });
};

/** All credits and budgets, and all that was booked. */
export const readAllSpending = async (
  db: Queries,
): Promise<{ readonly rows: readonly SpendingRow[]; readonly entries: readonly BookedEntry[] }> => {
  type Row = Pick<CreditEntry, 'kind' | 'note'> &
    Record<'spending_id' | 'sequence' | 'entry_id' | 'micros' | 'at_ms', string>;
  const rows = await db.query<StoredRow[]>('SELECT * FROM spending');
  const entries = await db.query<Row[]>('SELECT * FROM credit_entry');
  return {
    rows: rows.map(rowOf),
    entries: entries.map(({ spending_id: spendingId, sequence, entry_id: entryId, micros, at_ms: at, kind, note }) => {
      return { spendingId, sequence: Number(sequence), entryId, micros: Number(micros), at: Number(at), kind, note };
    }),
  };
};

/** An entry, and the sequence of the commit that booked it. */
export interface BookedEntry extends CreditEntry {
  readonly spendingId: string;
  readonly sequence: number;
}

export const insertEntries = async (db: Queries, entries: readonly BookedEntry[]): Promise<void> => {
  if (entries.length === 0) return;
  await db.query(
    `INSERT INTO credit_entry (spending_id, sequence, entry_id, kind, micros, note, at_ms)
     SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::bigint[])`,
    [
      entries.map(({ spendingId }) => spendingId),
      entries.map(({ sequence }) => sequence),
      entries.map(({ entryId }) => entryId),
      entries.map(({ kind }) => kind),
      entries.map(({ micros }) => micros),
      entries.map(({ note }) => note),
      entries.map(({ at }) => Math.floor(at)),
    ],
  );
};

/** Everything that may change by what is used: all credits, and budgets that are not archived. */
export const readLimits = async (db: Queries): Promise<readonly SpendingRow[]> =>
  (await db.query<StoredRow[]>(`SELECT * FROM spending WHERE state ->> 'isArchived' IS DISTINCT FROM 'true'`)).map(
    rowOf,
  );

export const readBudgets = async (db: Queries, projects: readonly string[]): Promise<readonly BudgetState[]> => {
  const rows = await db.query<StoredRow[]>(
    `SELECT * FROM spending WHERE project_id = ANY($1::text[]) ORDER BY (state ->> 'from')::numeric, spending_id`,
    [projects],
  );
  return rows.map(rowOf).flatMap((row) => (row.kind === 'budget' ? [row.state] : []));
};

/** Names of the events tell which of both they are about. */
const evolved = (before: SpendingRow | undefined, spendingId: string, event: SpendingEvent): SpendingRow => {
  switch (event.type) {
    case 'CreditsGranted':
    case 'CreditsCharged':
    case 'CreditsAdjusted':
    case 'CreditsExhausted':
    case 'CreditsRestored': {
      const state = before?.kind === 'credits' ? before.state : creditsDecider.initial;
      return { spendingId, kind: 'credits', state: creditsDecider.evolve(state, event) };
    }
    default: {
      const state = before?.kind === 'budget' ? before.state : budgetDecider.initial;
      return { spendingId, kind: 'budget', state: budgetDecider.evolve(state, event) };
    }
  }
};

/** The fold of the next events of one id, and what they booked. Entries of credits lie beside the state. */
export const folded = (
  before: SpendingRow | undefined,
  spendingId: string,
  events: readonly SpendingEvent[],
): { readonly row: SpendingRow | undefined; readonly booked: readonly CreditEntry[] } => {
  const booked: CreditEntry[] = [];
  let row = before;
  for (const event of events) {
    const next = evolved(row, spendingId, event);
    if (next.kind === 'credits') {
      booked.push(...next.state.entries);
      row = { ...next, state: { ...next.state, entries: [] } };
    } else row = next;
  }
  return { row, booked };
};

export const upsertSpending = async (db: Queries, rows: readonly SpendingRow[]): Promise<void> => {
  await db.query(
    `INSERT INTO spending (spending_id, kind, project_id, state) SELECT spending_id, kind, project_id, state::jsonb
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS row (spending_id, kind, project_id, state)
     ON CONFLICT (spending_id) DO UPDATE SET state = excluded.state`,
    [
      rows.map(({ spendingId }) => spendingId),
      rows.map(({ kind }) => kind),
      rows.map((row) => (row.kind === 'budget' ? row.state.projectId : null)),
      rows.map(({ state }) => JSON.stringify(state)),
    ],
  );
};
