import { budgetDecider, creditsDecider, type BudgetState, type CreditsState, type SpendingEvent } from '@fornax/domain';
import type { Queries } from './ledger-state.js';

/** The fold of what stands under one id: credits of an account, or a budget. */
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
export const evolved = (before: SpendingRow | undefined, spendingId: string, event: SpendingEvent): SpendingRow => {
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
