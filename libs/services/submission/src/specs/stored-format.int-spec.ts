import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventSubject, type WireTask } from '@fornax/contracts';
import { TASK_FOLD_FORMAT } from '@fornax/domain';
import { createServiceDataSource } from '@fornax/projections';
import type { DurablePublisher } from '@fornax/event-store';
import { PUBLISHER } from '@fornax/service-kit';
import {
  aLease,
  anEnd,
  aRef,
  concluded,
  dispatched,
  eventually,
  exited,
  started,
  workspaceRoot,
} from '@fornax/testing';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { readFrom, startHarness, submitTo, type Harness } from './submission.fixture.js';

/** What an earlier release left: folds in its own format, which nobody can restore, and a checkpoint that says whose rows these are. */
const OF_AN_EARLIER_RELEASE = [
  `UPDATE submission.task SET fold = jsonb_build_object('format', 0)`,
  `UPDATE submission.projection_checkpoint SET epoch = split_part(epoch, ';', 1) || ';rows=0' WHERE projection = 'status'`,
];

let harness: Harness;
let other: DataSource | undefined;
beforeAll(async () => {
  harness = await startHarness({ FORNAX_READ_YOUR_WRITES_TIMEOUT_MS: '200' });
}, 120_000);
afterAll(async () => {
  await other?.destroy();
  await harness.close();
});

const databaseUrl = (): string => {
  const { options } = harness.test.app.get<{ readonly options: DataSourceOptions }>(getDataSourceToken('submission'));
  return 'url' in options && typeof options.url === 'string' ? options.url : '';
};
const seen = ({ uuid, state, previousState, instanceCount, creationDate }: WireTask) => ({
  uuid,
  state,
  previousState,
  instanceCount,
  creationDate,
});
const readiness = async (): Promise<string> => (await harness.call('GET', '/health/ready')).text;
const list = async () => {
  const answer = await harness.call('GET', '/tasks');
  expect(answer.status).toBe(200);
  return (answer.json() as unknown as WireTask[]).map(seen).toSorted((a, b) => a.uuid.localeCompare(b.uuid));
};

it('answers and decides from the log while tasks stored in the format of an earlier release are folded anew', async () => {
  const [waiting, running, kept] = [await submitTo(harness), await submitTo(harness), await submitTo(harness)];
  await harness.happen(running, dispatched(aLease(0)));
  await eventually(async () => (await list()).filter(({ state }) => state === 'PartiallyDispatched').length === 1, {
    timeoutMs: 60_000,
  });
  const before = await list();
  const wholeBefore = await readFrom(harness, running);

  for (const sql of OF_AN_EARLIER_RELEASE) await harness.query(sql);
  other = await createServiceDataSource({ url: databaseUrl(), schema: 'submission', migrations: [] });
  const holder = other.createQueryRunner();
  await holder.startTransaction();
  // Whoever holds the checkpoint keeps new rows from taking the place of the old ones.
  await holder.query(`SELECT FROM projection_checkpoint WHERE projection = 'status' FOR UPDATE`);
  await harness.restart();

  await eventually(async () => /projection status.*rebuilding, \d+ of \d+/.test(await readiness()), {
    timeoutMs: 60_000,
  });
  expect((await harness.call('GET', '/health/ready')).status).toBe(200);
  expect(await list()).toEqual(before);
  const { status: _then, wallTime: _later, ...whole } = await readFrom(harness, running);
  const { status: _now, wallTime: _sooner, ...expected } = wholeBefore;
  expect(whole).toEqual(expected);
  // Commands: one that the state allows, one that it refuses, and a task that has no row yet.
  expect(await harness.call('POST', `/tasks/${waiting}/abort`)).toMatchObject({ status: 200 });
  expect(await harness.call('POST', `/tasks/${waiting}/abort`)).toMatchObject({ status: 403 });
  expect(await readFrom(harness, waiting)).toMatchObject({ state: 'Cancelled' });
  const late = await submitTo(harness);
  expect(await readFrom(harness, late)).toMatchObject({ state: 'Submitted' });
  expect(await harness.call('DELETE', `/tasks/${kept}`)).toMatchObject({ status: 200 });
  expect(await harness.call('GET', `/tasks/${kept}`)).toMatchObject({ status: 404 });

  await holder.rollbackTransaction();
  await holder.release();
  await eventually(async () => !(await readiness()).includes('rebuilding'), { timeoutMs: 60_000 });
  expect(await harness.query(`SELECT DISTINCT fold->>'format' AS format FROM submission.task`)).toEqual([
    { format: String(TASK_FOLD_FORMAT) },
  ]);
  await eventually(async () => (await list()).length === 3, { timeoutMs: 60_000 });
  expect((await list()).map(({ uuid }) => uuid)).toEqual([waiting, running, late].toSorted());
  const report = await harness.call('POST', '/fornax/v1/projections/status/rebuild?verify=true');
  expect(report.json()).toMatchObject({ differences: [] });
}, 240_000);

it('folds anew the rows of a release whose errors did not say of which instance they are', async () => {
  const task = await submitTo(harness, { instanceCount: 1 });
  const error = { code: 'FX-EXIT', message: 'The command exited with code 3', debug: '' };
  const end = anEnd(0, { outcome: 'failure', cause: 'user', error });
  await harness.happen(task, dispatched(aLease(0)), started(aRef(0)), concluded(end));
  const instance = async () => {
    const sql = `SELECT errors->0->'instance' AS instance FROM submission.task WHERE task_id = $1`;
    return (await harness.query(sql, [task])) as readonly { readonly instance: unknown }[];
  };
  await eventually(async () => (await instance())[0]?.instance === 0, { timeoutMs: 60_000 });
  await harness.query(`UPDATE submission.task SET errors = errors #- '{0,instance}' WHERE task_id = $1`, [task]);
  await harness.query(
    `UPDATE submission.projection_checkpoint SET epoch = split_part(epoch, ';', 1) || ';rows=2' WHERE projection = 'status'`,
  );
  await harness.restart();
  await eventually(async () => (await instance())[0]?.instance === 0, { timeoutMs: 60_000 });
}, 180_000);

it('goes on from the rows that a rebuild made, not from what it remembers of the rows before', async () => {
  const task = await submitTo(harness, { instanceCount: 1 });
  await harness.happen(task, dispatched(aLease(0)));
  // Rows that know what the log does not, as after the log has lost commits.
  await eventually(async () => (await readFrom(harness, task)).state === 'FullyDispatched', { timeoutMs: 60_000 });
  await harness.restart();
  await harness.query(`UPDATE submission.task SET results_count = 7 WHERE task_id = $1`, [task]);
  await harness.happen(task, started(aRef(0)));
  await eventually(async () => (await readFrom(harness, task)).state === 'FullyExecuting', { timeoutMs: 60_000 });
  expect(await readFrom(harness, task)).toMatchObject({ resultsCount: 7 });

  const rebuilt = await harness.call('POST', '/fornax/v1/projections/status/rebuild?force=true');
  expect(rebuilt.json()).toMatchObject({ swapped: true });
  await harness.happen(task, exited(aRef(0)));
  await eventually(async () => (await readFrom(harness, task)).state === 'UploadingResults', { timeoutMs: 60_000 });
  expect(await readFrom(harness, task)).toMatchObject({ resultsCount: 0 });
}, 120_000);

it('takes a task of an older log, whose event said no version of its profile, for one of the first version everywhere', async () => {
  const me = String((await harness.call('GET', '/fornax/v1/me')).json()['uuid']);
  const sample = readFileSync(join(workspaceRoot, 'libs/contracts/samples/TaskSubmitted.v1.json'), 'utf8');
  const task = '0198a000-0000-7000-8000-000000000001';
  const stored = new TextEncoder().encode(sample.replaceAll('0198a000-0000-7000-8000-0000000000aa', me));
  expect(sample).not.toContain('profileVersion');
  const publisher = harness.test.app.get<DurablePublisher>(PUBLISHER);
  const subject = eventSubject('task', task);
  await publisher.publish(subject, stored, { msgId: `${subject}/of-an-older-release`, expectLastSubjectSequence: 0 });

  await eventually(async () => (await readFrom(harness, task)).name === 'render', { timeoutMs: 60_000 });
  expect(await readFrom(harness, task)).toMatchObject({ state: 'Submitted', profile: 'docker-batch' });
  const rows = `SELECT spec->>'profileVersion' AS profile, fold->>'format' AS format FROM submission.task WHERE task_id = $1`;
  expect(await harness.query(rows, [task])).toEqual([{ profile: '1', format: String(TASK_FOLD_FORMAT) }]);
  const events = (await harness.call('GET', `/fornax/v1/tasks/${task}/events`)).text;
  expect(JSON.parse(events)).toMatchObject({
    events: [{ type: 'TaskSubmitted', version: 2, data: { spec: { profileVersion: 1 } } }],
  });
  // What is decided about it is written beside it, and both are read together.
  expect(await harness.call('POST', `/tasks/${task}/abort`)).toMatchObject({ status: 200 });
  await harness.restart();
  expect(await readFrom(harness, task)).toMatchObject({ state: 'Cancelled' });
}, 120_000);
