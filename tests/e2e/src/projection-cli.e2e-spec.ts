import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningPlatform, eventually, startPlatform } from '@fornax/testing';
import pg from 'pg';
import { clientsOf } from './clients.js';
import { fornax } from './command-line.js';

/** The database of a platform: the address and password in the file that its services were started with. */
const connectDatabase = async (platform: RunningPlatform): Promise<pg.Client> => {
  const { platform: pid } = await platform.parts();
  const variables = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
  const file = variables
    .find((one) => one.startsWith('FORNAX_DATABASE_URL_FILE='))
    ?.slice('FORNAX_DATABASE_URL_FILE='.length);
  if (file === undefined) throw new Error('the platform was started without a database');
  const connectionString = (await readFile(file, 'utf8')).trim();
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
};

describe('fornax projection', () => {
  let platform: RunningPlatform;

  beforeAll(async () => {
    platform = await startPlatform({ env: { FORNAX_WEBHOOK_ALLOWED_DESTINATIONS: '127.0.0.1:9' } });
    const { api, s3 } = clientsOf(platform);
    await s3.createBucket('results');
    await api.history.createWebhook({ url: 'http://127.0.0.1:9/nobody-listens' });
    const submit = (name: string, command: string, instanceCount: number): Promise<string> =>
      api.submitTask({
        name,
        profile: 'docker-batch',
        instanceCount,
        resultBucket: 'results',
        constants: [{ key: 'DOCKER_CMD', value: command }],
      });
    const good = await submit('good', 'sh -c "echo $INSTANCE_ID > result-$INSTANCE_ID"', 3);
    const bad = await submit('bad', 'sh -c "exit 3"', 1);
    const aborted = await submit('aborted', 'sleep 600', 1);
    await eventually(async () => (await api.getTask(aborted)).runningInstanceCount === 1, { timeoutMs: 30_000 });
    await api.snapshotTask(aborted, { bucket: 'results' });
    await api.abortTask(aborted);
    const states = await Promise.all([good, bad, aborted].map(async (task) => (await api.waitForTask(task)).state));
    expect(states).toEqual(['Success', 'Failure', 'Cancelled']);
    await api.deleteTask(bad);
    const headers = { authorization: platform.token, 'content-type': 'application/json' };
    const create = async (path: string, body: object): Promise<string> => {
      const answer = await fetch(`${platform.apiUrl}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      expect(answer.status).toBe(200);
      return ((await answer.json()) as { uuid: string }).uuid;
    };
    await create('/jobs', { name: 'job' });
    await create('/fornax/v1/profiles', { name: 'tool', image: 'host', command: 'true' });
    await create('/fornax/v1/billing/accounts/me/credits', { kind: 'grant', amount: '100' });
    const waits = {
      name: 'whole',
      tasks: [
        { name: 'first', command: 'sleep 600' },
        { name: 'behind', command: 'true', after: ['first'] },
      ],
    };
    const [ended, forgotten] = [await create('/fornax/v1/jobs', waits), await create('/fornax/v1/jobs', waits)];
    await api.jobs.terminate(ended);
    await api.jobs.delete(forgotten, true);
    await eventually(async () => (await api.jobs.get(ended)).state === 'Completed', { timeoutMs: 30_000 });
    await eventually(async () => !(await api.jobs.list()).some(({ uuid }) => uuid === forgotten), {
      timeoutMs: 30_000,
    });
    const secret = { method: 'PUT', headers, body: JSON.stringify({ value: 'hush' }) };
    expect((await fetch(`${platform.apiUrl}/secrets-manager/data/a/b`, secret)).status).toBe(200);
    const pool = await create('/pools', { name: 'pool', profile: 'docker-batch', instanceCount: 1 });
    await eventually(
      async () => {
        const answer = await fetch(`${platform.apiUrl}/pools/${pool}`, { headers });
        return ((await answer.json()) as { state: string }).state === 'FullyExecuting';
      },
      { timeoutMs: 30_000 },
    );
    s3.close();
  });

  afterAll(() => platform?.stop());

  const names = async (): Promise<readonly string[]> => {
    const { code, stdout, stderr } = await fornax(platform.dataDir, 'projection', 'list');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/)[0] ?? '');
  };

  it('rebuilds every projection beside the live one and finds no difference', async () => {
    const known = await names();
    expect([...known].sort()).toEqual([
      'bucket-damage',
      'buckets',
      'fleet',
      'jobs',
      'ledger',
      'pools',
      'profiles',
      'running',
      'secret-accesses',
      'secrets',
      'snapshots',
      'spending',
      'status',
      'task-owners',
      'task-snapshots',
      'webhooks',
      'work',
    ]);
    for (const name of known) {
      const { code, stdout } = await fornax(platform.dataDir, 'projection', 'rebuild', name, '--verify');
      expect({ name, code, stdout }).toEqual({
        name,
        code: 0,
        stdout: expect.stringContaining('The live rows equal the rebuilt ones.'),
      });
      expect(stdout).toMatch(new RegExp(`^${name}: [1-9]\\d* events in `, 'm'));
      expect(stdout).toMatch(/^TABLE +ROWS$/m);
    }
  });

  it('exits with 1 when a live row was changed by hand, and is content again once it was rebuilt', async () => {
    const db = await connectDatabase(platform);
    const { rowCount } = await db.query(
      "UPDATE submission.task SET name = 'not what the log says' WHERE name = 'good'",
    );
    await db.end();
    expect(rowCount).toBe(1);
    const found = await fornax(platform.dataDir, 'projection', 'rebuild', 'status', '--verify');
    expect(found).toMatchObject({ code: 1, stdout: expect.stringMatching(/differ[\s\S]*^task +1 +1$/m) });

    expect((await fornax(platform.dataDir, 'projection', 'rebuild', 'status')).code).toBe(0);
    expect((await fornax(platform.dataDir, 'projection', 'rebuild', 'status', '--verify')).code).toBe(0);
    const { api } = clientsOf(platform);
    expect((await api.listTasks()).map(({ name }) => name).sort()).toEqual(['aborted', 'behind', 'first', 'good']);
  });

  it('says which projections there are not', async () => {
    const { code, stderr } = await fornax(platform.dataDir, 'projection', 'rebuild', 'horoscope', '--verify');
    expect(code).toBe(1);
    expect(stderr).toContain('horoscope');
  });
});
