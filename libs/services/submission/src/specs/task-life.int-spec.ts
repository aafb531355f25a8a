import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getDataSourceToken } from '@nestjs/typeorm';
import { taskSchema, taskSummarySchema, type WireTask } from '@fornax/contracts';
import type { AttemptEnd } from '@fornax/domain';
import type { DataSource } from 'typeorm';
import { SucceededInstances1790000820000, SUMMARY_COLUMNS } from '@fornax/tasks/specs';
import { anEnd, aLease, aRef, concluded, dispatched, eventually, exited, started } from '@fornax/testing';
import { minimal, readFrom, startHarness, submitTo, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const submit = (body?: object): Promise<string> => submitTo(harness, body);
const read = (id: string): Promise<WireTask> => readFrom(harness, id);

/** What a connection was asked, one text after the other, in each transaction that moves the checkpoint of `status`. */
const listenToStatus = (db: DataSource): readonly (readonly string[])[] => {
  const written: (readonly string[])[] = [];
  const open = new Map<unknown, { texts: string[]; isStatus: boolean }>();
  const nothing = (): void => undefined;
  const logger: DataSource['logger'] = {
    logQuery: (text, parameters: unknown, connection) => {
      if (text === 'START TRANSACTION') open.set(connection, { texts: [], isStatus: false });
      const transaction = open.get(connection);
      transaction?.texts.push(text);
      if (transaction && /projection_checkpoint/.test(text) && Array.isArray(parameters) && parameters[0] === 'status')
        transaction.isStatus = true;
      if (text !== 'COMMIT') return;
      open.delete(connection);
      if (transaction?.isStatus === true) written.push(transaction.texts);
    },
    logQueryError: nothing,
    logQuerySlow: nothing,
    logSchemaBuild: nothing,
    logMigration: nothing,
    log: nothing,
  };
  db.logger = logger;
  return written;
};

describe('the life of a task', () => {
  it('costs a few statements: three of a transaction, one read, and one for each table that a commit changes', async () => {
    const db = harness.test.app.get<DataSource>(getDataSourceToken('submission'));
    const before = db.logger;
    const written = listenToStatus(db);
    try {
      const uuid = await submit({ instanceCount: 1 });
      await harness.happen(uuid, dispatched(aLease(0)));
      await harness.happen(uuid, started(aRef(0)));
      await harness.happen(uuid, concluded(anEnd(0)));
      expect(await read(uuid)).toMatchObject({ state: 'Success' });
    } finally {
      db.logger = before;
    }
    // Commits may share a transaction, and something else may be committed meanwhile, which costs no more than a commit of this task.
    expect(written.length).toBeGreaterThan(0);
    expect(Math.max(...written.map(({ length }) => length))).toBeLessThanOrEqual(6);
    const ofTask = written.filter((texts) =>
      texts.some((text) => /INSERT INTO task |UPDATE task SET state/.test(text)),
    );
    expect(ofTask.length).toBeLessThanOrEqual(4);
    expect(ofTask.flat().length).toBeLessThanOrEqual(6 + 5 + 5 + 6);
  });

  it('is found by its id and by its name, which never looks like the id of another one', async () => {
    const first = await submit({ shortname: 'by-name' });
    expect(await read('by-name')).toMatchObject({ uuid: first });
    await expect(submit({ shortname: first })).rejects.toThrow('A shortname does not have the form of a UUID');
    expect(await read(first)).toMatchObject({ uuid: first, shortname: 'by-name' });
  });

  it('goes from Submitted to Success, with UploadingResults before the end and everything filled in', async () => {
    const uuid = await submit({ instanceCount: 2, resultBucket: 'output' });
    await harness.happen(uuid, dispatched(aLease(0)));
    expect(await read(uuid)).toMatchObject({ state: 'PartiallyDispatched', previousState: 'Submitted' });
    await harness.happen(uuid, dispatched(aLease(1)), started(aRef(0), aRef(1)));
    expect(await read(uuid)).toMatchObject({
      state: 'FullyExecuting',
      previousState: 'FullyDispatched',
      runningInstanceCount: 2,
    });
    await harness.happen(
      uuid,
      exited(aRef(0)),
      concluded(anEnd(0, { uploadedFiles: 1, endedAt: 3_000 }), anEnd(1, { endedAt: 3_000, uploadedFiles: 1 })),
    );
    const task = await read(uuid);
    expect(task).toMatchObject({
      state: 'Success',
      previousState: 'UploadingResults',
      progress: 100,
      resultsCount: 1,
      executionTime: '00:00:04',
    });
    expect(task.endDate).not.toBe('0001-01-01T00:00:00Z');
    expect(
      task.completedInstances.map(({ instanceId, state, execTimeSec }) => [instanceId, state, execTimeSec]),
    ).toEqual([
      [0, 'Success', 2],
      [1, 'Success', 2],
    ]);
    expect(task.status).toMatchObject({
      succeededRange: '0-1',
      executedRange: '0-1',
      failedRange: '',
      startedOnceRange: '0-1',
      executionTimeSec: 4,
      executionTimeByCpuModel: [{ model: 'Intel Xeon', time: 4, core: 8 }],
    });
    expect(await harness.call('POST', `/tasks/${uuid}/abort`)).toMatchObject({ status: 403 });
  });

  it('gives a failed task an error', async () => {
    const uuid = await submit({ instanceCount: 1 });
    await harness.happen(
      uuid,
      dispatched(aLease(0)),
      started(aRef(0)),
      concluded(anEnd(0, { outcome: 'failure', cause: 'user', exitCode: 3 })),
    );
    const task = await read(uuid);
    expect(task).toMatchObject({ state: 'Failure', previousState: 'UploadingResults', errors: [{ code: 'FX-EXIT' }] });
    expect(task.completedInstances).toMatchObject([
      { state: 'Failure', error: { message: 'Instance 0 exited with code 3' } },
    ]);
  });

  it('survives whatever text a node reports', async () => {
    const uuid = await submit({ instanceCount: 1 });
    const error = { code: 'X', message: 'bad \0 \ud800 text', debug: '' };
    await harness.happen(
      uuid,
      dispatched(aLease(0)),
      concluded(anEnd(0, { outcome: 'failure', cause: 'platform', error })),
    );
    expect((await read(uuid)).state).toBe('Failure');
  });

  it('cancels at once what only waits, and asks running instances to end', async () => {
    const waiting = await submit();
    expect(await harness.call('POST', `/tasks/${waiting}/abort`)).toMatchObject({ status: 200, text: '' });
    const over = await read(waiting);
    expect([over.state, over.endDate]).toEqual(['Cancelled', over.stateTransitionTime]);
    expect(await harness.call('POST', `/tasks/${waiting}/abort`)).toMatchObject({ status: 403 });
    const running = await submit({ instanceCount: 1 });
    await harness.happen(running, dispatched(aLease(0)), started(aRef(0)));
    await harness.call('POST', `/tasks/${running}/abort`);
    expect((await read(running)).state).toBe('PendingCancel');
    await harness.happen(running, concluded(anEnd(0, { outcome: 'cancelled' })));
    expect(await read(running)).toMatchObject({ state: 'Cancelled', previousState: 'PendingCancel' });
  });

  it('forgets a deleted task', async () => {
    const uuid = await submit();
    expect(await harness.call('DELETE', `/tasks/${uuid}`)).toMatchObject({ status: 200 });
    expect(await harness.call('GET', `/tasks/${uuid}`)).toMatchObject({ status: 404 });
    expect(await harness.call('DELETE', `/tasks/${uuid}`)).toMatchObject({ status: 404 });
    const running = await submit({ instanceCount: 1, tags: ['deleting'] });
    await harness.happen(running, dispatched(aLease(0)));
    await harness.call('DELETE', `/tasks/${running}`);
    expect(await harness.call('GET', `/tasks/${running}`)).toMatchObject({ status: 404 });
    expect((await harness.call('GET', '/tasks/summaries?tag=deleting')).json()).toMatchObject([
      { state: 'PendingDelete' },
    ]);
  });

  it('decides on the newest facts although its rows are old', async () => {
    const uuid = await submit({ instanceCount: 1 });
    const writes = [harness.happen(uuid, dispatched(aLease(0))), harness.call('POST', `/tasks/${uuid}/abort`)] as const;
    await Promise.allSettled(writes);
    const events = (await harness.log.readAggregate('task', uuid)).flatMap((commit) =>
      commit.events.map(({ type }) => type),
    );
    expect(events).toContain('TaskCancelRequested');
  });
});

describe('lists', () => {
  it('pages by keyset, newest first, while tasks come in', async () => {
    const token = await harness.addAccount();
    const add = async (name: string) =>
      String((await harness.call('POST', '/tasks', { ...minimal, name }, { token })).json()['uuid']);
    const uuids = [await add('a'), await add('b'), await add('c')];
    const page = async (body: object) =>
      (await harness.call('POST', '/tasks/summaries/paginate', body, { token })).json() as unknown as {
        data: { uuid: string; name: string }[];
        nextToken: string | null;
        isTruncated: boolean;
        count: number;
        total: number;
      };
    const first = await page({ Token: null, Filter: null, MaximumResults: 2 });
    expect(first).toMatchObject({ count: 2, total: 3, isTruncated: true, nextToken: expect.any(String) });
    for (const summary of first.data) taskSummarySchema.parse(summary);
    await add('d');
    const second = await page({ token: first.nextToken, maximumResults: 2 });
    expect(second).toMatchObject({ count: 1, isTruncated: false, nextToken: null });
    expect([...first.data, ...second.data].map(({ uuid }) => uuid)).toEqual([...uuids].reverse());
    const byName = await page({ maximumResults: 3, orderBy: 'Name', orderType: 'asc' });
    expect(byName.data.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect((await page({ token: byName.nextToken })).data.map(({ name }) => name)).toEqual(['d']);
    expect(await harness.call('POST', '/tasks/paginate', { token: 'nonsense' }, { token })).toMatchObject({
      status: 400,
    });
    expect(await harness.call('POST', '/tasks/paginate', { orderBy: 'owner' }, { token })).toMatchObject({
      status: 400,
    });
  });

  it('filters as the clients do', async () => {
    const token = await harness.addAccount();
    const add = async (body: object) =>
      (await harness.call('POST', '/tasks', { ...minimal, ...body }, { token })).status;
    expect([
      await add({ name: 'sim-1', tags: ['x', 'y'] }),
      await add({ name: 'sim-2', tags: ['y'] }),
      await add({ name: 'render', shortname: 'rr' }),
    ]).toEqual([200, 200, 200]);
    const names = async (filter: unknown): Promise<string[]> => {
      const answer = await harness.call(
        'POST',
        '/tasks/search',
        { filter, maximumResults: null, select: null },
        { token },
      );
      if (answer.status !== 200) return [String(answer.status)];
      return (answer.json() as unknown as WireTask[]).map((task) => taskSchema.parse(task).name).sort();
    };
    expect(await names(null)).toEqual(['render', 'sim-1', 'sim-2']);
    expect(await names({ operator: 'Equal', field: 'Tags', value: 'y' })).toEqual(['sim-1', 'sim-2']);
    expect(await names({ Operator: 'And', Filters: [{ Value: 'x', Field: 'Tags', Operator: 'Equal' }] })).toEqual([
      'sim-1',
    ]);
    expect(await names({ operator: 'NotEqual', field: 'tags', value: 'x' })).toEqual(['render', 'sim-2']);
    expect(
      await names({
        operator: 'Or',
        filters: [
          { operator: 'Equal', field: 'Name', value: 'render' },
          { operator: 'In', field: 'Tags', value: ['x'] },
        ],
      }),
    ).toEqual(['render', 'sim-1']);
    expect(await names({ operator: 'In', field: 'Name', values: ['sim-2', 'render'] })).toEqual(['render', 'sim-2']);
    expect(await names({ operator: 'NotIn', field: 'Name', values: ['sim-2', 'render'] })).toEqual(['sim-1']);
    expect(await names({ operator: 'Like', field: 'Name', value: '/^sim/' })).toEqual(['sim-1', 'sim-2']);
    expect(await names({ operator: 'Equal', field: 'State', value: 'submitted' })).toHaveLength(3);
    expect(await names({ operator: 'GreaterThan', field: 'CreationDate', value: '2001-01-01T00:00:00' })).toHaveLength(
      3,
    );
    expect(await names({ operator: 'LessThan', field: 'EndDate', value: '2001-01-01' })).toHaveLength(3);
    expect(await names({ operator: 'GreaterThanOrEqual', field: 'InstanceCount', value: '5' })).toEqual([]);
    expect(await names({ operator: 'Equal', field: 'PoolUuid', value: null })).toHaveLength(3);
    expect(await names({ operator: 'Equal', field: 'Shortname', value: 'rr' })).toEqual(['render']);
    for (const bad of [
      { operator: 'Equal', field: 'Nope', value: 1 },
      { operator: 'Near', field: 'Name', value: 1 },
      { operator: 'Like', field: 'Name', value: '(' },
      { operator: 'In', field: 'Name', value: 'x' },
      { operator: 'LessThan', field: 'CreationDate', value: 'soon' },
      { operator: 'Equal', field: 'Name', value: { a: 1 } },
      { operator: 'Like', field: 'Name', value: '(?<=a)(?<n>b)' },
      { operator: 'Equal', field: "Name'; DROP TABLE task; --", value: 1 },
    ])
      expect(await names(bad)).toEqual(['400']);
    const byTag = (query: string) => harness.call('GET', `/tasks?${query}`, undefined, { token });
    expect((await byTag('tag=x,nope')).json()).toMatchObject([{ name: 'sim-1' }]);
    expect((await byTag('tag=x&tag=y')).json()).toHaveLength(2);
  });
});

describe('the status', () => {
  it('is the same when it is rebuilt from the log', async () => {
    const answer = await eventually(async () => {
      const rebuilt = await harness.call('POST', '/fornax/v1/projections/status/rebuild?verify=true');
      return rebuilt.status === 200 ? rebuilt : undefined;
    });
    expect(answer.json()).toMatchObject({ differences: expect.anything() });
    for (const difference of answer.json()['differences'] as unknown as { onlyLive: number; onlyRebuilt: number }[]) {
      expect(difference).toMatchObject({ onlyLive: 0, onlyRebuilt: 0 });
    }
  });
});

const inSummaries = async (id: string): Promise<unknown> => {
  const all: unknown = (await harness.call('GET', '/tasks/summaries')).json();
  const found = Array.isArray(all) ? (all as Record<string, unknown>[]).find(({ uuid }) => uuid === id) : undefined;
  return found?.['progress'];
};

const four = [0, 1, 2, 3];
/** A task of four instances of which as many run as ends are given, and then end so. */
const ended = async (ends: readonly AttemptEnd['outcome'][], isCancelled: boolean): Promise<string> => {
  const id = await submitTo(harness, { instanceCount: four.length });
  const begun = four.slice(0, ends.length);
  if (begun.length > 0)
    await harness.happen(id, dispatched(...begun.map((n) => aLease(n))), started(...begun.map((n) => aRef(n))));
  if (isCancelled) expect((await harness.call('POST', `/tasks/${id}/abort`)).status).toBe(200);
  if (begun.length > 0)
    await harness.happen(
      id,
      concluded(
        ...begun.map((n) => {
          const outcome = ends[n] ?? 'success';
          return anEnd(
            n,
            outcome === 'success' ? {} : { outcome, cause: outcome === 'failure' ? 'user' : 'preempted' },
          );
        }),
      ),
    );
  return id;
};

describe('the progress of a task that is over', () => {
  it.each<[string, number, readonly AttemptEnd['outcome'][], boolean, string]>([
    ['everything succeeded', 100, ['success', 'success', 'success', 'success'], false, 'Success'],
    ['it was cancelled before anything ran', 0, [], true, 'Cancelled'],
    ['it was cancelled after a part', 25, ['success', 'cancelled'], true, 'Cancelled'],
    ['a part failed', 75, ['success', 'success', 'success', 'failure'], false, 'Failure'],
    ['everything failed', 0, ['failure', 'failure', 'failure', 'failure'], false, 'Failure'],
  ])('when %s is %s, wherever it is shown', async (_what, progress, ends, isCancelled, state) => {
    const id = await ended(ends, isCancelled);
    const task = await read(id);
    expect([task.state, task.progress]).toEqual([state, progress]);
    expect(await inSummaries(id)).toBe(progress);
    if (task.status === null) return expect(ends).toEqual([]);
    const { executionProgress, uploadProgress, downloadProgress } = task.status;
    expect([executionProgress, uploadProgress]).toEqual([progress, progress]);
    expect(downloadProgress).toBe(25 * ends.length);
  });
});

describe('the progress of a task under way in a list', () => {
  it('is read from columns alone, also for a task that was there before they were', async () => {
    const id = await ended(['success', 'failure', 'success'], false);
    expect(await inSummaries(id)).toBe(50);
    const runner = harness.test.app.get<DataSource>(getDataSourceToken('submission')).createQueryRunner();
    const migration = new SucceededInstances1790000820000();
    await migration.down(runner);
    await migration.up(runner);
    await runner.release();
    expect(await inSummaries(id)).toBe(50);
    // A fold is kilobytes to megabytes, compressed and out of line.
    expect(SUMMARY_COLUMNS).not.toMatch(/fold/);
  });
});
