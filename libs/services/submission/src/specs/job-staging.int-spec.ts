import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WireJob } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { diamond, DOCUMENTS, startJobHarness, type JobHarness } from './jobs.fixture.js';

let harness: JobHarness;
beforeAll(async () => {
  harness = await startJobHarness();
}, 120_000);
afterAll(() => harness.close());

const made = (body: object = diamond): Promise<string> => harness.createWhole(body);

describe('a job that is created whole', () => {
  it('is there as a whole, once, when its process was gone after the log took the job', async () => {
    const refused = `CREATE FUNCTION is_gone() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'the process is gone'; END $$ LANGUAGE plpgsql`;
    await harness.query(refused);
    // From here on a process may read what is staged, but says nowhere that it goes on with it.
    await harness.query('CREATE TRIGGER gone BEFORE UPDATE ON staged_job FOR EACH ROW EXECUTE FUNCTION is_gone()');
    const name = 'interrupted';
    expect((await harness.call('POST', DOCUMENTS, { ...diamond, name })).status).toBe(409);
    const [job] = JSON.parse((await harness.call('GET', '/jobs')).text) as WireJob[];
    expect([job?.name, await harness.tasksOf(String(job?.uuid))]).toEqual([name, []]);
    await harness.query('DROP TRIGGER gone ON staged_job');
    await harness.query('DROP FUNCTION is_gone');
    await harness.restart();
    const id = String(job?.uuid);
    await eventually(async () => (await harness.tasksOf(id)).length === 4, { timeoutMs: 60_000 });
    await eventually(async () => (await harness.query('SELECT FROM staged_job')).length === 0, { timeoutMs: 60_000 });
    expect(await harness.query('SELECT FROM staged_task')).toEqual([]);
    const submitted: string[] = [];
    for await (const commits of harness.logItself.read({ from: 1, aggregates: ['task'] }))
      for (const { events, aggregateId } of commits)
        if (events.some((event) => event.type === 'TaskSubmitted' && event.spec.jobId === id))
          submitted.push(aggregateId);
    expect(submitted.toSorted()).toEqual((await harness.tasksOf(id)).map(({ uuid }) => String(uuid)).toSorted());
  }, 120_000);

  it('leaves nothing staged when the log does not take the job, and drops what is not of the job that it has', async () => {
    const id = await made();
    await harness.query('INSERT INTO staged_job (job_id, commit_id, staged_ms, due_ms) VALUES ($1, $2, 0, 0)', [
      id,
      'other',
    ]);
    await harness.query(
      `INSERT INTO staged_task (job_id, commit_id, position, task_id, owner, spec, meta) VALUES ($1, 'other', 1, 'foreign', 'x', '{}', '{}')`,
      [id],
    );
    await made();
    await eventually(async () => (await harness.query('SELECT FROM staged_task')).length === 0, { timeoutMs: 60_000 });
    expect(await harness.tasksOf(id)).toHaveLength(4);
  }, 120_000);

  it('has its own tasks where another document was staged under its id, and drops those', async () => {
    await harness.query(`CREATE FUNCTION stage_another() RETURNS trigger AS $$ BEGIN
      INSERT INTO staged_task (job_id, commit_id, position, task_id, owner, spec, meta)
        VALUES (NEW.job_id, 'other', 1, 'foreign', 'x', '{}', '{}');
      INSERT INTO staged_job (job_id, commit_id, staged_ms, due_ms) VALUES (NEW.job_id, 'other', 0, 0);
      RETURN NEW;
    END $$ LANGUAGE plpgsql`);
    await harness.query(`CREATE TRIGGER another BEFORE INSERT ON staged_job FOR EACH ROW
      WHEN (NEW.commit_id <> 'other') EXECUTE FUNCTION stage_another()`);
    const id = await made();
    await harness.query('DROP TRIGGER another ON staged_job');
    await harness.query('DROP FUNCTION stage_another');
    expect([...(await harness.byName(id)).keys()].toSorted()).toEqual(['join', 'left', 'prepare', 'right']);
    await made();
    await eventually(async () => (await harness.query('SELECT FROM staged_task')).length === 0, { timeoutMs: 60_000 });
    expect(await harness.tasksOf(id)).toHaveLength(4);
  }, 120_000);
});
