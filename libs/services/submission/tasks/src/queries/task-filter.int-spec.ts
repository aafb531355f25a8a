import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseWireDate, parseWireDuration, type WireFilter, type WireTask } from '@fornax/contracts';
import type { TaskEvent, TaskSpec } from '@fornax/domain';
import { aLease, anEnd, aRef, AT, concluded, dispatched, exited, started, submitted } from '@fornax/testing';
import fc from 'fast-check';
import { startLists, type ListHarness } from './task-lists.fixture.js';

let harness: ListHarness;
let tasks: readonly WireTask[];
beforeAll(async () => {
  harness = await startLists();
  tasks = await harness.store(...fc.sample(aHistory, { seed: 7, numRuns: 60 }).map((make, index) => make(index)));
}, 60_000);
afterAll(async () => harness.close());

const WORDS = ['alpha', 'Beta', 'alp', 'b', 'ö', '', 'x.y'] as const;
const word = fc.constantFrom(...WORDS);
const words = fc.uniqueArray(word, { maxLength: 3 });

const aSpec = fc.record({
  name: word,
  tags: words,
  labels: fc.dictionary(fc.constantFrom('team', 'Team', 'run'), word, { maxKeys: 2 }),
  profile: fc.constantFrom('docker-batch', 'shell'),
  plan: fc.constantFrom('flex' as const, 'onDemand' as const),
  resultBucket: fc.option(word, { nil: null }),
  projectUuid: fc.constantFrom('0000000a-0000-4000-8000-000000000001', '0000000b-0000-4000-8000-000000000001'),
  snapshotWhitelist: fc.option(word, { nil: null }),
  constants: fc
    .subarray([
      { key: 'A', value: 'alpha' },
      { key: 'a', value: 'b' },
      { key: 'QARNOT_SECRET_A', sealed: 'alpha' },
    ])
    .map((constants) => [...constants]),
  hardwareConstraints: fc.subarray<TaskSpec['hardwareConstraints'][number]>([
    { discriminator: 'MinimumCoreHardwareConstraint', coreCount: 2 },
    { discriminator: 'MaximumCoreHardwareConstraint', coreCount: 8 },
    { discriminator: 'SSDHardwareConstraint' },
    { discriminator: 'CpuModelHardwareConstraint', cpuModel: 'alpha' },
  ]),
  echo: fc.record(
    {
      maxTimeQueueSeconds: fc.integer({ min: 0, max: 2 }),
      retrySettings: fc.record({ maxPerInstanceRetries: fc.integer({ min: 0, max: 2 }) }, { requiredKeys: [] }),
      constraints: fc.constant([{ key: 'K', value: 'b' }]),
      autoDeleteOnCompletion: fc.boolean(),
      privileges: fc.record({ exportApiAndStorageCredentialsInEnvironment: fc.boolean() }, { requiredKeys: [] }),
    },
    { requiredKeys: [] },
  ),
});

/** How far a task of two instances has come, as events. */
const LIVES: readonly (readonly TaskEvent[])[] = [
  [],
  [dispatched(aLease(0))],
  [dispatched(aLease(0), aLease(1)), started(aRef(0))],
  [dispatched(aLease(0)), started(aRef(0)), concluded(anEnd(0, { endedAt: AT + 2_600 }))],
  [
    dispatched(aLease(0), aLease(1)),
    started(aRef(0), aRef(1)),
    exited(aRef(0)),
    concluded(anEnd(0, { endedAt: AT + 5_000 }), anEnd(1, { outcome: 'failure', cause: 'user', exitCode: 3 })),
  ],
  [
    { type: 'TaskCancelRequested', at: AT },
    { type: 'WaitingInstancesCancelled', instances: '0-1', at: AT },
  ],
];
const aHistory = fc
  .tuple(aSpec, fc.constantFrom(...LIVES), fc.integer({ min: 0, max: 3 }))
  .map(([spec, life, second]) => (index: number): readonly TaskEvent[] => {
    const taskId = `0000000${index % 10}-0000-4000-8000-${String(index).padStart(12, '0')}`;
    return [
      { ...submitted(taskId, spec), at: AT + second * 1_000 },
      ...life.map((event) => ({ ...event, at: AT + 4_000 })),
    ];
  });

/** What a client sees of a field; a list where the field is one. This and `holds` are the whole meaning of the filter language. */
type Seen = string | number | boolean | null | readonly (string | number)[];
interface FieldUnderTest {
  readonly of: (task: WireTask) => Seen;
  readonly values: readonly unknown[];
  readonly read?: (value: unknown) => string | number | boolean;
  readonly isText?: boolean;
}
const date = (of: (task: WireTask) => string): FieldUnderTest => ({
  of: (task) => parseWireDate(of(task)) ?? null,
  values: ['1970-01-01T00:00:01Z', '1970-01-01T00:00:03', '1970-01-01T01:00:05+01:00', '0001-01-01T00:00:00'],
  read: (value) => parseWireDate(String(value)) ?? Number.NaN,
});
const number = (of: (task: WireTask) => Seen): FieldUnderTest => ({
  of,
  values: [0, 1, 2, '2', 8, 1.5],
  read: Number,
});
const text = (of: (task: WireTask) => Seen, ...values: readonly string[]): FieldUnderTest => ({
  of,
  values: [...WORDS, ...values],
  isText: true,
});
const shown = ({ constants }: WireTask) => constants.filter(({ value }) => value !== '[SECRET]');
const valueOf = (task: WireTask, key: string) => shown(task).find((constant) => constant.key === key)?.value ?? null;
const flag = (of: (task: WireTask) => boolean): FieldUnderTest => ({
  of,
  values: [true, false, 'True', 'FALSE'],
  read: (value) => String(value).toLowerCase() === 'true',
});

const FIELDS: Readonly<Record<string, FieldUnderTest>> = {
  Uuid: { ...text((t) => t.uuid), values: ['00000001-0000-4000-8000-000000000001', 'nobody'] },
  shortName: text((t) => t.shortname, '00000001-0000-4000-8000-000000000001'),
  Name: text((t) => t.name),
  Profile: text((t) => t.profile, 'shell', 'docker-batch'),
  State: text((t) => t.state, 'Submitted', 'Success', 'Failure', 'Cancelled', 'PartiallyExecuting'),
  PreviousState: text((t) => t.previousState, 'Submitted', 'UploadingResults'),
  SchedulingType: text((t) => t.schedulingType, 'flex'),
  ProjectUuid: { ...text((t) => t.projectUuid), values: ['0000000a-0000-4000-8000-000000000001', 'nobody'] },
  PoolUuid: { ...text((t) => t.poolUuid), values: ['nobody'] },
  CreationDate: date((t) => t.creationDate),
  EndDate: date((t) => t.endDate),
  LastModified: date((t) => t.lastModified),
  StateTransitionTime: date((t) => t.stateTransitionTime),
  PreviousStateTransitionTime: date((t) => t.previousStateTransitionTime),
  ExecutionTime: {
    of: (t) => parseWireDuration(t.executionTime) ?? null,
    values: ['00:00:00', '00:00:02', '00:00:05', 2],
    read: (value) => parseWireDuration(value as string) ?? Number.NaN,
  },
  Tags: text((t) => t.tags),
  Labels: text((t) => Object.keys(t.labels), 'team', 'Team', 'run'),
  'Labels.team': text((t) => t.labels['team'] ?? null),
  'labels.Team': text((t) => t.labels['Team'] ?? null),
  Constants: text((t) => shown(t).map(({ key }) => key), 'A', 'a', 'QARNOT_SECRET_A'),
  'Constants.A': text((t) => valueOf(t, 'A')),
  'Constants.a': text((t) => valueOf(t, 'a')),
  'Constants.QARNOT_SECRET_A': text(() => null),
  Constraints: text((t) => t.constraints.map((item) => (item as { key: string }).key), 'K'),
  'Constraints.K': text((t) => (t.constraints[0] as { value: string } | undefined)?.value ?? null),
  HardwareConstraints: text(
    (t) => t.hardwareConstraints.map(({ discriminator }) => discriminator),
    'SSDHardwareConstraint',
  ),
  'HardwareConstraints.CoreCount': number((t) =>
    t.hardwareConstraints.flatMap(({ coreCount }) => (typeof coreCount === 'number' ? [coreCount] : [])),
  ),
  'HardwareConstraints.CpuModel': text((t) =>
    t.hardwareConstraints.flatMap(({ cpuModel }) => (typeof cpuModel === 'string' ? [cpuModel] : [])),
  ),
  'Privileges.ExportApiAndStorageCredentialsInEnvironment': flag(
    (t) => t.privileges.exportApiAndStorageCredentialsInEnvironment,
  ),
  AutoDeleteOnCompletion: flag((t) => t.autoDeleteOnCompletion),
  'RetrySettings.MaxPerInstanceRetries': number((t) => t.retrySettings.maxPerInstanceRetries),
  'RetrySettings.MaxTotalRetries': number((t) => t.retrySettings.maxTotalRetries),
  MaxRetriesPerInstance: number((t) => t.maxRetriesPerInstance),
  MaxTimeQueueSeconds: number((t) => t.maxTimeQueueSeconds),
  DefaultResourcesCacheTTLSec: { ...number((t) => t.defaultResourcesCacheTTLSec), values: [7_776_000, 1] },
  InstanceCount: number((t) => t.instanceCount),
  RunningInstanceCount: number((t) => t.runningInstanceCount),
  RunningCoreCount: number((t) => t.runningCoreCount),
  ResultsCount: number((t) => t.resultsCount),
  SnapshotInterval: number((t) => t.snapshotInterval),
  ResultBucket: text((t) => t.resultBucket),
  ResultsBucketPrefix: text((t) => t.resultsBucketPrefix),
  SnapshotWhitelist: text((t) => t.snapshotWhitelist),
  'Dependencies.DependsOn': { ...text(() => []), values: ['nobody'] },
  CompletedInstances: number((t) => t.completedInstances.map(({ instanceId }) => instanceId)),
  'CompletedInstances.State': text((t) => t.completedInstances.map(({ state }) => state), 'Success', 'Failure'),
  'CompletedInstances.ExecutionAttemptCount': number((t) =>
    t.completedInstances.map(({ executionAttemptCount }) => executionAttemptCount),
  ),
};
const PATTERNS = ['^a', '/^alp/', 'a$', 'B|b', '.', '^$', '/x\\.y/', '[A-Z]', 'l{1,2}', '^(?:alp|Be)'] as const;

/** By code point, as Postgres does with the collation "C". */
const compare = (a: string | number | boolean, b: string | number | boolean): number =>
  typeof a === 'string' && typeof b === 'string'
    ? Buffer.compare(Buffer.from(a), Buffer.from(b))
    : Number(a) - Number(b);

const holds = (filter: WireFilter, task: WireTask): boolean => {
  const operator = filter.operator.toLowerCase();
  const parts = filter.filters ?? [];
  if (operator === 'and') return parts.every((part) => holds(part, task));
  if (operator === 'or') return parts.length === 0 || parts.some((part) => holds(part, task));
  const field = FIELDS[filter.field ?? ''];
  if (!field) throw new Error(`no such field: ${filter.field}`);
  const seen = field.of(task);
  const items: readonly (string | number | boolean)[] = Array.isArray(seen)
    ? seen
    : seen === null
      ? []
      : [seen as string];
  const read = field.read ?? String;
  const equals = (value: unknown): boolean =>
    value === null || value === undefined ? items.length === 0 : items.some((item) => compare(item, read(value)) === 0);
  const all = (filter.values ?? filter.value) as readonly unknown[];
  const compared = (test: (order: number) => boolean): boolean =>
    items.some((item) => test(compare(item, read(filter.value))));
  switch (operator) {
    case 'equal':
      return equals(filter.value);
    case 'notequal':
      return !equals(filter.value);
    case 'in':
      return all.some(equals);
    case 'notin':
      return !all.some(equals);
    case 'lessthan':
      return compared((order) => order < 0);
    case 'lessthanorequal':
      return compared((order) => order <= 0);
    case 'greaterthan':
      return compared((order) => order > 0);
    case 'greaterthanorequal':
      return compared((order) => order >= 0);
    case 'like': {
      const pattern = new RegExp(String(filter.value).replaceAll(/^\/|\/$/g, ''));
      return items.some((item) => pattern.test(String(item)));
    }
    default:
      throw new Error(operator);
  }
};

const aLeaf: fc.Arbitrary<WireFilter> = fc.constantFrom(...Object.entries(FIELDS)).chain(([name, field]) => {
  const isFlag = field.values.includes(true);
  const value = fc.constantFrom(...field.values);
  const listed = fc.array(fc.oneof({ weight: 5, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) }), {
    maxLength: 3,
  });
  // A date is never null to a client: its null is the year 1, which `values` holds.
  const isDate = name.endsWith('Date') || name.endsWith('Time') || name === 'LastModified';
  const orNull = isDate ? value : fc.option(value, { nil: undefined, freq: 5 });
  return fc.oneof(
    fc.record({ operator: fc.constantFrom('Equal', 'NotEqual', 'equal'), field: fc.constant(name), value: orNull }),
    fc
      .tuple(fc.constantFrom('In', 'NotIn'), isDate ? fc.array(value, { maxLength: 3 }) : listed, fc.boolean())
      .map(([operator, values, isPython]) => ({
        operator,
        field: name,
        ...(isPython ? { value: values } : { values }),
      })),
    ...(isFlag
      ? []
      : [
          fc.record({
            operator: fc.constantFrom('LessThan', 'LessThanOrEqual', 'GreaterThan', 'GreaterThanOrEqual'),
            field: fc.constant(name),
            value,
          }),
        ]),
    ...(field.isText === true
      ? [fc.record({ operator: fc.constant('Like'), field: fc.constant(name), value: fc.constantFrom(...PATTERNS) })]
      : []),
  );
});
const { filter: aFilter } = fc.letrec<{ filter: WireFilter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    aLeaf,
    fc.record({
      operator: fc.constantFrom('And', 'Or', 'or'),
      filters: fc.array(tie('filter'), { maxLength: 4 }),
    }),
  ),
}));

const found = async (filter: WireFilter): Promise<readonly string[]> =>
  (await harness.lists.search('ada', filter, undefined)).map(({ taskId }) => taskId).sort();
const expected = (filter: WireFilter): readonly string[] =>
  tasks
    .filter((task) => holds(filter, task))
    .map(({ uuid }) => uuid)
    .sort();

describe('the filter language', () => {
  it('finds in SQL what it says by its meaning, whatever is combined', async () => {
    await fc.assert(
      fc.asyncProperty(aFilter, async (filter) => {
        expect(await found(filter)).toEqual(expected(filter));
      }),
      { numRuns: 400, seed: 1, endOnFailure: false },
    );
  }, 120_000);

  it.each(Object.keys(FIELDS))('compares %s by every operator that applies', async (name) => {
    const leaves = fc.sample(
      aLeaf.filter(({ field }) => field === name),
      { numRuns: 12, seed: 3 },
    );
    for (const leaf of leaves) expect([leaf, await found(leaf)]).toEqual([leaf, expected(leaf)]);
  });

  it('counts on a page what it finds', async () => {
    await fc.assert(
      fc.asyncProperty(aFilter, async (filter) => {
        const page = await harness.lists.summaryPage('ada', { filter, maximumResults: 1_000 });
        expect(page.total).toBe(expected(filter).length);
        expect(page.count).toBe(page.total);
      }),
      { numRuns: 50, seed: 2 },
    );
  }, 60_000);
});

describe('a filter that is refused', () => {
  const leaf = (field: string, operator: string, value?: unknown): WireFilter => ({ field, operator, value });
  const nested = (depth: number): WireFilter =>
    depth === 0 ? leaf('Name', 'Equal', 'a') : { operator: 'And', filters: [nested(depth - 1)] };
  it.each([
    ['an unknown field', leaf('Nmae', 'Equal', 'a'), 'Unknown field: Nmae'],
    ['what can only be selected', leaf('Errors', 'Equal', 'a'), 'Unknown field: Errors'],
    ['an unknown operator', leaf('Name', 'Contains', 'a'), 'Unknown operator: Contains'],
    ['a number that is none', leaf('InstanceCount', 'Equal', 'many'), 'InstanceCount'],
    ['a date that is none', leaf('CreationDate', 'LessThan', 'yesterday'), 'CreationDate'],
    ['a flag that is none', leaf('AutoDeleteOnCompletion', 'Equal', 'perhaps'), 'AutoDeleteOnCompletion'],
    ['an order among flags', leaf('AutoDeleteOnCompletion', 'LessThan', true), 'AutoDeleteOnCompletion'],
    ['an object', leaf('RetrySettings', 'Equal', 'a'), 'RetrySettings'],
    ['a pattern on a number', leaf('InstanceCount', 'Like', '1'), 'InstanceCount'],
    ['a pattern that is none', leaf('Name', 'Like', '('), 'Not a valid pattern: ('],
    ['a list without a list', leaf('Name', 'In', 'a'), 'In and NotIn need a list of values'],
    ['a filter too deep', nested(40), 'levels deep'],
    [
      'a filter too long',
      { operator: 'Or', filters: Array.from({ length: 501 }, () => leaf('Name', 'Equal', 'a')) },
      'comparisons',
    ],
  ])('says what is wrong with %s', async (_, filter, message) => {
    await expect(found(filter)).rejects.toMatchObject({ kind: 'invalid', message: expect.stringContaining(message) });
  });

  it('takes an object as a whole for being there', async () => {
    expect(await found(leaf('RetrySettings', 'NotEqual', null))).toHaveLength(tasks.length);
    expect(await found(leaf('Dependencies', 'NotEqual', null))).toEqual([]);
  });

  it('ends a pattern that takes too long, and serves others meanwhile', async () => {
    await harness.query(
      `UPDATE task SET name = (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 20000) AS i)`,
    );
    const slow = '[0-9a-f]*[0-7][0-9a-f]{60}z';
    const lane = harness.lists.search('ada', leaf('Name', 'Like', slow), undefined);
    const refused = expect(lane).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringContaining('too long'),
    });
    const other = await harness.lists.search('bob', leaf('Name', 'Like', '^a'), undefined);
    expect(other).toEqual([]);
    await refused;
  }, 60_000);
});
