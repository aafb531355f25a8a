import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createdSchema } from '@fornax/contracts';
import { aLease, dispatched, eventually } from '@fornax/testing';
import { minimal, startHarness, submitTo, type Answer, type Harness } from './submission.fixture.js';

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const post = (path: string, body: unknown, key: string): Promise<Answer> =>
  harness.call('POST', path, body, { headers: { 'idempotency-key': key } });
const uuidOf = (answer: Answer): string => createdSchema.parse(answer.json()).uuid;
const tasks = async (): Promise<number> => (await harness.query('SELECT task_id FROM task')).length;
const keys = (): Promise<unknown[]> => harness.query('SELECT * FROM idempotency_key');
/** As if the process had died between carrying the requests out and keeping their answers. */
const loseAnswers = () => harness.query('UPDATE idempotency_key SET status = NULL, answer = NULL, location = NULL');

describe('a request that is sent again after a crash, under the same shortname', () => {
  it('finds its task when the answer of the first one was lost; later the name is taken', async () => {
    const named = { ...minimal, shortname: 'crashed' };
    const uuid = uuidOf(await harness.call('POST', '/tasks', named));
    const before = await tasks();
    await harness.nameNoted(uuid);
    // The process died between the log and the answer.
    await harness.query(`UPDATE shortname SET is_outcome_unknown = true WHERE shortname = 'crashed'`);
    expect(await harness.call('POST', '/tasks', { ...named, instanceCount: 9 })).toMatchObject({ status: 400 });
    expect(uuidOf(await harness.call('POST', '/tasks', named))).toBe(uuid);
    expect(await harness.call('POST', '/tasks', named)).toMatchObject({ status: 400 });
    expect(await tasks()).toBe(before);
  });

  it('is answered before its name is noted, and the name is taken all the same', async () => {
    await harness.query(`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END'`);
    await harness.query('CREATE TRIGGER hold BEFORE UPDATE ON shortname FOR EACH ROW EXECUTE FUNCTION hold()');
    const named = { ...minimal, shortname: 'noted-later' };
    const uuid = await harness.within('SELECT pg_advisory_xact_lock(1)', async () => {
      const first = uuidOf(await harness.call('POST', '/tasks', named));
      expect(await harness.call('POST', '/tasks', named)).toMatchObject({ status: 400 });
      return first;
    });
    await harness.nameNoted(uuid);
    expect(await harness.call('POST', '/tasks', named)).toMatchObject({ status: 400 });
    await harness.query('DROP FUNCTION hold CASCADE');
  });

  it('makes the task when the first one died before the log had it', async () => {
    const [{ owner }] = (await harness.query('SELECT owner FROM task LIMIT 1')) as [{ owner: string }];
    await harness.query(
      'INSERT INTO shortname (owner, shortname, task_id, is_outcome_unknown) VALUES ($1, $2, $3, true)',
      [owner, 'died-early', '0198a000-0000-7000-8000-000000000042'],
    );
    const uuid = uuidOf(await harness.call('POST', '/tasks', { ...minimal, shortname: 'died-early' }));
    expect(uuid).toBe('0198a000-0000-7000-8000-000000000042');
  });

  it('is a second request while the first is carried out: one of them gets the name', async () => {
    const named = { ...minimal, shortname: 'twice-at-once' };
    const answers = await Promise.all([1, 2, 3].map(() => harness.call('POST', '/tasks', named)));
    // One that comes while the first's outcome is being noted is taken for the same one: the same task, never a second.
    const taken = answers.filter(({ status }) => status === 200);
    expect(new Set(taken.map(uuidOf)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(3 - taken.length);
    const bulk = (
      await harness.call('POST', '/tasks', [
        { ...named, shortname: 'b' },
        { ...named, shortname: 'b' },
      ])
    ).json();
    expect((bulk as unknown as { statusCode: number }[]).map(({ statusCode }) => statusCode).sort()).toEqual([
      200, 400,
    ]);
  });
});

describe('a request with an Idempotency-Key', () => {
  it('is answered as it was the first time, after a restart too', async () => {
    const first = await post('/tasks', minimal, 'restart');
    await harness.restart();
    const again = await post('/v1/tasks/', minimal, 'restart');
    expect([
      again.status,
      again.json(),
      again.headers.get('location'),
      again.headers.get('idempotent-replayed'),
    ]).toEqual([200, first.json(), first.headers.get('location'), 'true']);
  }, 60_000);

  it.each<[string, string, unknown]>([
    ['one task', '/tasks', { ...minimal, name: 'Ünï\u2028cødé \u{1F680}' }],
    ['a bulk of which one is refused', '/tasks', [minimal, { ...minimal, profile: 'no\u0000ne "\\' }, 7]],
    ['a clone', '/tasks/:id/clone', { name: 'again' }],
    ['an abort, without a body', '/tasks/:id/abort', undefined],
    ['output', '/tasks/:id/stdout', undefined],
    ['a project', '/fornax/v1/me/projects', { name: 'é', slug: 'kept-bytes', description: 'a\u0001b' }],
  ])('gets the same bytes again: %s', async (what, path, body) => {
    const where = path.replace(':id', await submitTo(harness, {}));
    const shown = ({ status, text, headers }: Answer) => ({
      status,
      text,
      headers: ['content-type', 'content-length', 'location', 'cache-control'].map((name) => headers.get(name)),
    });
    const first = shown(await post(where, body, `bytes of ${what}`));
    expect(first.status).toBeLessThan(300);
    const again = await post(where, body, `bytes of ${what}`);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(shown(again)).toEqual(first);
  });

  it('is refused with another body, whatever became of the first one', async () => {
    const uuid = uuidOf(await post('/tasks', minimal, 'other-body'));
    await harness.call('DELETE', `/tasks/${uuid}`);
    const before = await tasks();
    expect(await post('/tasks', { ...minimal, name: 'other' }, 'other-body')).toMatchObject({
      status: 409,
      text: expect.stringContaining('used for another request'),
    });
    expect(await tasks()).toBe(before);
  });

  it('makes each task of a bulk once, and none for another bulk', async () => {
    const bulk = [minimal, { ...minimal, instanceCount: 0 }, minimal];
    const first = await post('/tasks', bulk, 'bulk');
    const before = await tasks();
    const again = await post('/tasks', bulk, 'bulk');
    expect([first.status, again.status, again.json()]).toEqual([207, 207, first.json()]);
    expect(await post('/tasks', [...bulk, minimal], 'bulk')).toMatchObject({ status: 409 });
    await loseAnswers();
    expect((await post('/tasks', bulk, 'bulk')).json()).toEqual(first.json());
    expect(await tasks()).toBe(before);
  });

  it('tries the items of a bulk again that failed through no fault of theirs', async () => {
    const bulk = [minimal, { ...minimal, resultBucket: 'output' }];
    harness.setStorage(false);
    const first = await post('/tasks', bulk, 'storage');
    harness.setStorage(true);
    const again = await post('/tasks', bulk, 'storage');
    expect([first.status, again.status]).toEqual([207, 200]);
    expect(again.json()[0]).toEqual(first.json()[0]);
  }, 60_000);

  it('makes one task when it comes twice at once, here or at another process', async () => {
    const twin = await harness.twin();
    const before = await tasks();
    const atTwin = async (): Promise<string> => {
      const answer = await fetch(`${twin.url}/tasks`, {
        method: 'POST',
        headers: {
          authorization: harness.token,
          'content-type': 'application/json',
          'idempotency-key': 'at-once',
        },
        body: JSON.stringify(minimal),
      });
      return createdSchema.parse(await answer.json()).uuid;
    };
    const here = async () => uuidOf(await post('/tasks', minimal, 'at-once'));
    const uuids = await Promise.all([here(), atTwin(), here(), atTwin(), here()]);
    expect(new Set(uuids).size).toBe(1);
    expect(await tasks()).toBe(before + 1);
    await twin.close();
  }, 60_000);

  it('finds what it made although its answer was lost', async () => {
    const origin = await submitTo(harness);
    const task = uuidOf(await post('/tasks', minimal, 'lost'));
    const clone = uuidOf(await post(`/tasks/${origin}/clone`, { name: 'copy' }, 'lost'));
    expect(await post(`/tasks/${origin}/abort`, undefined, 'lost')).toMatchObject({ status: 200 });
    await loseAnswers();
    expect(uuidOf(await post('/tasks', minimal, 'lost'))).toBe(task);
    expect(uuidOf(await post(`/tasks/${origin}/clone`, { name: 'copy' }, 'lost'))).toBe(clone);
    expect(await post(`/tasks/${origin}/abort`, undefined, 'lost')).toMatchObject({ status: 200, text: '' });
    expect(await post(`/tasks/${origin}/abort`, undefined, 'another')).toMatchObject({ status: 403 });
  });

  it('is kept as long as what it made, then for a day; without an object for a day', async () => {
    const kept = async (key: string): Promise<unknown> => {
      const before = new Set((await keys()).map((row) => JSON.stringify(row)));
      await post('/tasks', [minimal, minimal], key);
      return (await keys()).find((row) => !before.has(JSON.stringify(row)));
    };
    const row = (await kept('life')) as { key_hash: string; object_ids: string[]; expires_at: Date | null };
    expect([row.object_ids.length, row.expires_at]).toEqual([2, null]);
    const now = async () =>
      (
        (await harness.query(
          "SELECT object_ids, expires_at > now() + interval '23 hours' AS a_day FROM idempotency_key WHERE key_hash = $1",
          [row.key_hash],
        )) as { object_ids: string[]; a_day: boolean | null }[]
      )[0];
    await harness.call('DELETE', `/tasks/${row.object_ids[0] ?? ''}`);
    await eventually(async () => (await now())?.object_ids.length === 1);
    expect((await now())?.a_day).toBeNull();
    await harness.call('DELETE', `/tasks/${row.object_ids[1] ?? ''}`);
    await eventually(async () => (await now())?.a_day === true);
  });

  it('may be used again once it was refused, and must not be too long', async () => {
    expect(await post('/tasks', { ...minimal, instanceCount: 0 }, 'mended')).toMatchObject({ status: 400 });
    expect(await post('/tasks', minimal, 'mended')).toMatchObject({ status: 200 });
    expect(await post('/tasks', minimal, 'x'.repeat(1_025))).toMatchObject({ status: 400 });
  });

  it('belongs to one account and one route', async () => {
    const [one, two] = [await submitTo(harness), await submitTo(harness)];
    await harness.happen(two, dispatched(aLease(0)));
    expect(await post(`/tasks/${one}/abort`, undefined, 'shared')).toMatchObject({ status: 200 });
    expect(await post(`/tasks/${two}/abort`, undefined, 'shared')).toMatchObject({ status: 200 });
    expect((await harness.call('GET', `/tasks/${two}`)).json()).toMatchObject({ state: 'PendingCancel' });
    const token = await harness.addAccount();
    const other = await harness.call(
      'POST',
      '/tasks',
      { ...minimal, name: 'theirs' },
      {
        token,
        headers: { 'idempotency-key': 'shared' },
      },
    );
    expect(other.status).toBe(200);
  });

  it('makes a token once, shows it once, and keeps none', async () => {
    const first = await post('/fornax/v1/me/tokens', { name: 'laptop' }, 'token');
    const again = await post('/fornax/v1/me/tokens', { name: 'laptop' }, 'token');
    expect([first.status, again.status, again.json()['message']]).toEqual([
      200,
      409,
      expect.stringContaining('shown only once'),
    ]);
    const token: unknown = first.json()['token'];
    expect(typeof token).toBe('string');
    expect(JSON.stringify(await keys())).not.toContain(String(token));
  });

  it('makes a project once', async () => {
    const body = { name: 'Once' };
    const [first, second] = [
      await post('/fornax/v1/me/projects', body, 'project'),
      await post('/fornax/v1/me/projects', body, 'project'),
    ];
    expect([first.status, second.status, second.json()]).toEqual([200, 200, first.json()]);
  });

  it('keeps no secret of a request', async () => {
    const constants = [...minimal.constants, { key: 'QARNOT_SECRET_A', value: 'hunter2' }];
    await post('/tasks', { ...minimal, constants }, 'secret');
    expect(JSON.stringify(await keys())).not.toContain('hunter2');
  });

  it('answers a repeated Idempotency-Key with the same task', async () => {
    const headers = { 'idempotency-key': 'once' };
    const [first, second] = await Promise.all([
      harness.call('POST', '/tasks', minimal, { headers }),
      harness.call('POST', '/tasks', minimal, { headers }),
    ]);
    const third = await harness.call('POST', '/tasks', minimal, { headers });
    expect([second?.json()['uuid'], third.json()['uuid']]).toEqual([first?.json()['uuid'], first?.json()['uuid']]);
    const other = await harness.call('POST', '/tasks', minimal, { headers, token: await harness.addAccount() });
    expect(other.json()['uuid']).not.toBe(first?.json()['uuid']);
  });

  it('refuses an Idempotency-Key that comes again with another body, also once the task has gone on', async () => {
    const headers = { 'idempotency-key': 'x'.repeat(300) };
    const named = {
      ...minimal,
      shortname: 'keyed',
      constants: [...minimal.constants, { key: 'QARNOT_SECRET_A', value: 'b' }],
    };
    const first = await harness.call('POST', '/tasks', named, { headers });
    expect(await harness.call('POST', '/tasks', { ...named, instanceCount: 5 }, { headers })).toMatchObject({
      status: 409,
    });
    await harness.call('POST', `/tasks/${String(first.json()['uuid'])}/abort`);
    const again = await harness.call('POST', '/tasks', named, { headers });
    expect([again.status, again.json()]).toEqual([200, first.json()]);
    const longer = await harness.call('POST', '/tasks', minimal, {
      headers: { 'idempotency-key': `${'x'.repeat(300)}y` },
    });
    expect(longer.json()['uuid']).not.toBe(first.json()['uuid']);
  });
});
