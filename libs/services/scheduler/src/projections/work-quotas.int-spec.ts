import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { RecordedCommit } from '@fornax/contracts';
import type { AccountEvent, SpendingEvent } from '@fornax/domain';
import { createServiceDataSource } from '@fornax/projections';
import { aCommit, createTestDatabase, type TestDatabase } from '@fornax/testing';
import type { DataSource } from 'typeorm';
import { Organisations1790000600000 } from '../migrations/1790000600000-organisations.migration.js';
import { Holds1790001540000 } from '../migrations/1790001540000-holds.migration.js';
import { LeaderEpochs1790000700000 } from '../migrations/1790000700000-leader-epochs.migration.js';
import { WorkTables1767225700000 } from '../migrations/work-tables.migration.js';
import { SchedulerView } from '../view/scheduler-view.js';
import { restoreAll } from './work-rows.js';
import { WorkProjection } from './work.projection.js';

let database: TestDatabase;
let db: DataSource;
beforeAll(async () => {
  database = await createTestDatabase();
  db = await createServiceDataSource({
    url: database.url,
    schema: 'scheduler',
    migrations: [WorkTables1767225700000, Organisations1790000600000, LeaderEpochs1790000700000, Holds1790001540000],
  });
}, 60_000);
afterAll(async () => {
  await db?.destroy();
  await database?.drop();
});

const quotas = { maxTasks: 1, maxBuckets: 1, maxStorageBytes: 1, maxInstances: 1, maxCores: 1 };
const history: readonly (readonly [id: string, event: AccountEvent])[] = [
  ['acme', { type: 'OrganisationCreated', organisationId: 'acme', name: 'Acme', quotas, at: 1 }],
  ['ada', { type: 'AccountCreated', accountId: 'ada', email: 'a@b', role: 'user', quotas, at: 1 }],
  ['ada', { type: 'OrganisationChanged', accountId: 'ada', organisationId: 'acme', at: 2 }],
  ['ada', { type: 'QuotasChanged', accountId: 'ada', quotas: { ...quotas, maxCores: 9 }, at: 3 }],
  ['ada', { type: 'RoleChanged', accountId: 'ada', role: 'auditor', at: 4 }],
  [
    'acme',
    { type: 'OrganisationQuotasChanged', organisationId: 'acme', quotas: { maxInstances: 7, maxCores: 8 }, at: 5 },
  ],
];
const commits = history.map(([aggregateId, event], index): RecordedCommit => ({
  ...aCommit(`c-${index}`, [event]),
  sequence: index + 1,
  aggregate: 'account',
  aggregateId,
}));

it.each([1, 2, 3, history.length])('stores in batches of %s what a leader folds from the log', async (size) => {
  await db.query('TRUNCATE work_quota');
  const projection = new WorkProjection();
  for (let from = 0; from < commits.length; from += size)
    await db.transaction((tx) => projection.write(tx, commits.slice(from, from + size)));
  const folded = new SchedulerView();
  for (const commit of commits) folded.fold(commit);
  const restored = new SchedulerView();
  await restoreAll(db, restored);
  const sorted = (view: SchedulerView) => [...view.quotas.all()].toSorted(([a], [b]) => (a < b ? -1 : 1));
  expect(sorted(restored)).toEqual(sorted(folded));
  expect(restored.quotas.all().get('ada')).toEqual({ quotas: { ...quotas, maxCores: 9 }, organisationId: 'acme' });
});

const exhausted = { policy: 'BlockNew', consumedMicros: 9, totalMicros: 9, at: 1 } as const;
const spent: readonly (readonly [id: string, event: SpendingEvent])[] = [
  ['b1', { type: 'BudgetExhausted', budgetId: 'b1', projectId: 'p', ...exhausted }],
  ['b2', { type: 'BudgetExhausted', budgetId: 'b2', projectId: 'q', ...exhausted }],
  ['b3', { type: 'BudgetExhausted', budgetId: 'b3', projectId: 'r', ...exhausted, policy: 'AlertOnly' }],
  ['b1', { type: 'BudgetReleased', budgetId: 'b1', projectId: 'p', at: 2 }],
  ['ada', { type: 'CreditsExhausted', accountId: 'ada', consumedMicros: 9, remainingMicros: 0, at: 2 }],
  [
    'b2',
    {
      type: 'BudgetChanged',
      budgetId: 'b2',
      alias: '',
      totalMicros: 9,
      policy: 'BlockNew',
      until: 77,
      thresholds: [],
      consumedMicros: 9,
      at: 3,
    },
  ],
  ['b2', { type: 'BudgetArchived', budgetId: 'b2', at: 3 }],
];

it.each([1, 4, spent.length])('stores whose credits and budgets are used up, in batches of %s', async (size) => {
  await db.query('TRUNCATE work_hold');
  const projection = new WorkProjection();
  const told = spent.map(([aggregateId, event], index): RecordedCommit => ({
    ...aCommit(`s-${index}`, [event]),
    sequence: index + 1,
    aggregate: 'spending',
    aggregateId,
  }));
  for (let from = 0; from < told.length; from += size)
    await db.transaction((tx) => projection.write(tx, told.slice(from, from + size)));
  const [folded, restored] = [new SchedulerView(), new SchedulerView()];
  for (const commit of told) folded.fold(commit);
  await restoreAll(db, restored);
  for (const { holds } of [folded, restored])
    expect(['x', 'p', 'q', 'r'].map((project) => holds.of(project === 'x' ? 'ada' : 'bob', project, 1))).toEqual([
      { kind: 'credits', holder: 'ada', stops: false, at: 2, until: null },
      undefined,
      { kind: 'budget', holder: 'q', stops: false, at: 1, until: 77 },
      undefined,
    ]);
});
