import type { RecordedCommit } from '@fornax/contracts';
import {
  attemptKey,
  emptyBill,
  instanceKey,
  joined,
  type AttemptEnd,
  type BillState,
  type ExactAmount,
  type ParkedAttempt,
  type PriceList,
  type PublishedPriceList,
  type UnratedReason,
  type UsageTerms,
  usageOf,
  volumeKey,
} from '@fornax/domain';
import type { EntityManager } from 'typeorm';

export type Queries = Pick<EntityManager, 'query'>;

interface StoredTerms {
  readonly task_id: string;
  readonly kind: UsageTerms['kind'];
  readonly owner: string;
  readonly shortname: string;
  readonly project_uuid: string | null;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly plan: UsageTerms['plan'];
  readonly constrained: boolean;
  readonly memory_mb: number;
  readonly sequence: string;
}

const termsOf = (row: StoredTerms): UsageTerms => ({
  id: row.task_id,
  kind: row.kind,
  owner: row.owner,
  shortname: row.shortname,
  projectUuid: row.project_uuid,
  tags: row.tags,
  labels: row.labels,
  plan: row.plan,
  constrained: row.constrained,
  memoryMB: row.memory_mb,
  sequence: Number(row.sequence),
});
/** What was submitted, by ids of tasks and pools. */
export const readTerms = async (db: Queries, ids: readonly string[]): Promise<readonly UsageTerms[]> =>
  ids.length === 0
    ? []
    : (await db.query<StoredTerms[]>('SELECT * FROM usage_terms WHERE task_id = ANY($1::text[])', [ids])).map(termsOf);

/** The owner's task or pool by its id, or else the latest one of that short name. */
export const findTerms = async (
  db: Queries,
  { kind, owner, id }: { readonly kind: UsageTerms['kind']; readonly owner: string; readonly id: string },
): Promise<UsageTerms | undefined> => {
  const [row] = await db.query<StoredTerms[]>(
    `SELECT * FROM usage_terms WHERE kind = $1 AND owner = $2 AND (task_id = $3 OR shortname = $3)
     ORDER BY (task_id = $3) DESC, sequence DESC LIMIT 1`,
    [kind, owner, id],
  );
  return row && termsOf(row);
};

/** In the order of their publication. */
export const readPriceLists = async (db: Queries): Promise<readonly PublishedPriceList[]> => {
  const rows = await db.query<{ document: PriceList; from_ms: string; sequence: string }[]>(
    'SELECT document, from_ms, sequence FROM published_price_list ORDER BY sequence, version',
  );
  return rows.map(({ document, from_ms, sequence }) => ({
    priceList: document,
    from: Number(from_ms),
    sequence: Number(sequence),
  }));
};

/** A month that is closed, and those before it. */
export interface ClosedMonth {
  readonly month: string;
  readonly until: number;
  readonly closedAt: number;
  /** Of the commit that closed it. */
  readonly sequence: number;
}

/** The newest first. */
export const readClosedMonths = async (db: Queries): Promise<readonly ClosedMonth[]> => {
  const rows = await db.query<{ month: string; until_ms: string; closed_ms: string; sequence: string }[]>(
    'SELECT month, until_ms, closed_ms, sequence FROM closed_month ORDER BY until_ms DESC',
  );
  return rows.map(({ month, until_ms, closed_ms, sequence }) => ({
    ...{ month, until: Number(until_ms), closedAt: Number(closed_ms), sequence: Number(sequence) },
  }));
};

interface StoredAttempt {
  readonly task_id: string;
  readonly reason: UnratedReason;
  readonly is_last: boolean;
  readonly attempt_end: AttemptEnd;
  readonly sequence: string;
  readonly commit_id: string;
}

/** Attempts that have no price yet, in the order of their ends. */
export const readParked = async (db: Queries): Promise<readonly ParkedAttempt[]> => {
  const rows = await db.query<StoredAttempt[]>(
    `SELECT task_id, reason, is_last, attempt_end, sequence, commit_id FROM unrated_attempt
     ORDER BY sequence, instance, attempt`,
  );
  const byId = new Map((await readTerms(db, [...new Set(rows.map((row) => row.task_id))])).map((one) => [one.id, one]));
  return rows.flatMap((row): readonly ParkedAttempt[] => {
    const terms = byId.get(row.task_id);
    if (!terms) return [];
    const end = row.attempt_end;
    const usage = usageOf(end, terms);
    const { reason, is_last: isLast, commit_id: commitId } = row;
    return [{ terms, end, usage, isLast, sequence: Number(row.sequence), commitId, reason }];
  });
};

/** What accounts used before discounts, by month. */
export const readVolumes = async (
  db: Queries,
  owners: readonly string[],
): Promise<readonly (readonly [string, ExactAmount])[]> => {
  const rows = await db.query<{ owner: string; month: string; gross_parts: string }[]>(
    'SELECT owner, month, gross_parts FROM month_usage WHERE owner = ANY($1::text[])',
    [owners],
  );
  return rows.map(({ owner, month, gross_parts }) => [volumeKey(owner, month), BigInt(gross_parts)]);
};

type Again = readonly [taskId: string, instance: number];

const addCharged = async (db: Queries, state: BillState, again: readonly Again[]): Promise<void> => {
  const rows = await db.query<{ task_id: string; instance: number; nanos: string; rest: string }[]>(
    `SELECT task_id, instance, sum(amount_nanos) AS nanos, sum(amount_rest) AS rest
     FROM bill_line JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::integer[]) AS asked (task_id, instance)) asked
     USING (task_id, instance) GROUP BY task_id, instance`,
    [again.map(([id]) => id), again.map(([, instance]) => instance)],
  );
  for (const { task_id, instance, nanos, rest } of rows)
    state.charged.set(instanceKey(task_id, instance), joined({ nanos: BigInt(nanos), rest: BigInt(rest) }));
};

interface Needs {
  readonly ids: Set<string>;
  readonly again: Again[];
  readonly lists: PriceList[];
  readonly owners: string[];
  /** Whether something is corrected, closed or metered. */
  isBooked: boolean;
}

const needsOf = (batch: readonly RecordedCommit[]): Needs => {
  const needs: Needs = { ids: new Set(), again: [], lists: [], owners: [], isBooked: false };
  for (const { aggregateId, events } of batch)
    for (const event of events) {
      if (event.type === 'PriceListPublished') needs.lists.push(event.priceList);
      // Later prices of the same batch see what was corrected.
      if (event.type === 'LinesCorrected') for (const { owner } of event.volumes) needs.owners.push(owner);
      needs.isBooked ||= ['LinesCorrected', 'MonthClosed', 'StorageMetered'].includes(event.type);
      const isEnd = event.type === 'InstancesConcluded' || event.type === 'InstancesRequeued';
      if (!isEnd && event.type !== 'SlotsEnded') continue;
      needs.ids.add(aggregateId);
      if (isEnd)
        for (const { instance, attempt } of event.attempts) if (attempt > 1) needs.again.push([aggregateId, instance]);
    }
  return needs;
};

/** What the rows know that the prices of a batch depend on. */
export const readBillState = async (db: Queries, batch: readonly RecordedCommit[]): Promise<BillState> => {
  const { ids, again, lists, owners: corrected, isBooked } = needsOf(batch);
  const state = emptyBill();
  if (ids.size === 0 && lists.length === 0 && !isBooked) return state;
  state.closedUntil = (await readClosedMonths(db))[0]?.until ?? 0;
  state.lists.push(...(await readPriceLists(db)));
  for (const terms of await readTerms(db, [...ids])) state.terms.set(terms.id, terms);
  const parked = lists.length === 0 ? [] : await readParked(db);
  for (const each of parked) state.parked.set(attemptKey(each.terms.id, each.end), each);

  const known = [...state.lists.map(({ priceList }) => priceList), ...lists];
  if (known.some(({ volumeDiscounts = [] }) => volumeDiscounts.length > 0)) {
    const own = batch.flatMap(({ events }) => events.flatMap((event) => ('owner' in event ? [event.owner] : [])));
    const owners = [...state.terms.values(), ...parked.map(({ terms }) => terms)].map(({ owner }) => owner);
    for (const [month, gross] of await readVolumes(db, [...new Set([...own, ...owners, ...corrected])]))
      state.volumes.set(month, gross);
  }
  const tried = [...again, ...parked.map(({ terms, end }): Again => [terms.id, end.instance])];
  if (tried.length > 0 && known.some(({ minimumMicros = 0 }) => minimumMicros > 0)) await addCharged(db, state, tried);
  return state;
};
