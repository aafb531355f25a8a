import { describe, expect, it } from '@jest/globals';
import { poolSchema, poolSummarySchema, type WirePool } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { s3 } from '../clients/buckets.js';
import { nodeStyle } from '../clients/styles.js';
import { command, read, submit, unique, untilOver } from '../clients/tasks.js';

type Body = Readonly<Record<string, unknown>>;
const LONG = { timeoutMs: 60_000 };

const create = async (body: Body = {}): Promise<string> => {
  const answer = await nodeStyle.send('POST', '/pools', {
    body: { name: 'pool', profile: 'docker-batch', instanceCount: 1, ...body },
  });
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  return (answer.json() as { readonly uuid: string }).uuid;
};
const get = async (id: string): Promise<WirePool> => {
  const answer = await nodeStyle.send('GET', `/pools/${id}`);
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.text}`);
  return poolSchema.parse(answer.json());
};
const until = (id: string, ...states: readonly string[]): Promise<WirePool> =>
  eventually(async () => {
    const pool = await get(id);
    if (pool.state === 'Failure' && !states.includes('Failure')) throw new Error(JSON.stringify(pool.errors));
    return states.includes(pool.state) ? pool : undefined;
  }, LONG);
const remove = async (id: string): Promise<void> => {
  expect((await nodeStyle.send('DELETE', `/pools/${id}`)).status).toBe(200);
};
const inPool = (poolUuid: string, text: string, more: Body = {}): Body => ({
  name: 'in a pool',
  poolUuid,
  instanceCount: 1,
  ...command(text),
  ...more,
});
const statusOf = async (method: string, path: string, body?: Body): Promise<number> =>
  (await nodeStyle.send(method, path, body === undefined ? {} : { body })).status;

describe('a pool, by the Node client', () => {
  it('[row 47 node] [row 48 node] [row 55 node] opens slots, runs tasks in them, and is deleted while it runs', async () => {
    const shortname = unique('pool');
    const id = await create({ shortname, tags: [shortname], constants: [{ key: 'GREETING', value: 'hello' }] });
    const running = await until(id, 'FullyExecuting');
    expect(running).toMatchObject({ shortname, instanceCount: 1, runningInstanceCount: 1, totalSlotCapacity: 1 });
    expect((await get(shortname)).uuid).toBe(id);
    const task = await untilOver(
      nodeStyle,
      await submit(nodeStyle, inPool(id, "sh -c 'echo $GREETING from ${INSTANCE_ID}'")),
    );
    expect([task.state, task.poolUuid]).toEqual(['Success', id]);
    expect((await nodeStyle.send('GET', `/tasks/${task.uuid}/stdout/0`)).text).toBe('hello from 0\n');
    // By its shortname, with a constant of its own, more instances than slots.
    const many = await untilOver(
      nodeStyle,
      await submit(nodeStyle, {
        ...inPool(shortname, "sh -c 'echo $GREETING'"),
        instanceCount: 3,
        constants: [
          { key: 'GREETING', value: 'good day' },
          { key: 'DOCKER_CMD', value: "sh -c 'echo $GREETING'" },
        ],
      }),
    );
    expect([many.state, many.status?.succeededRange]).toEqual(['Success', '0-2']);
    expect((await nodeStyle.send('GET', `/tasks/${many.uuid}/stdout/2`)).text).toBe('good day\n');
    const tasks = (await nodeStyle.send('GET', `/pools/${id}/tasks`)).json() as { uuid: string }[];
    expect(tasks.map(({ uuid }) => uuid)).toEqual([many.uuid, task.uuid]);
    const cut = await submit(nodeStyle, inPool(id, 'sleep 3600'));
    await eventually(async () => (await read(nodeStyle, cut)).state === 'FullyExecuting', LONG);
    expect(await get(id)).toMatchObject({ queuedOrRunningTaskInstancesCount: 1, poolUsage: 1 });
    await remove(id);
    expect((await untilOver(nodeStyle, cut)).state).toBe('Cancelled');
    expect(await statusOf('GET', `/pools/${id}`)).toBe(404);
    expect(await statusOf('DELETE', `/pools/${id}`)).toBe(404);
  }, 120_000);

  it('[row 56 node] closes: Closing at once, running tasks end, those that wait fail, new ones are refused', async () => {
    const id = await create();
    await until(id, 'FullyExecuting');
    const runs = await submit(
      nodeStyle,
      inPool(id, "sh -c 'until [ -e /never ] || [ $i = 1 ]; do i=1; sleep 2; done'"),
    );
    await eventually(async () => (await read(nodeStyle, runs)).state === 'FullyExecuting', LONG);
    const waits = await submit(nodeStyle, inPool(id, 'true'));
    expect(await statusOf('POST', `/pools/${id}/close`)).toBe(200);
    expect((await get(id)).state).toBe('Closing');
    expect(await statusOf('POST', `/pools/${id}/close`)).toBe(403);
    const refused = await nodeStyle.send('POST', '/tasks', { body: inPool(id, 'true') });
    expect([refused.status, Object.keys((refused.json() as { errors: object }).errors)]).toEqual([400, ['poolUuid']]);
    expect(await untilOver(nodeStyle, waits)).toMatchObject({
      state: 'Failure',
      errors: [expect.objectContaining({ code: 'FX-POOL-CLOSED' })],
    });
    expect((await untilOver(nodeStyle, runs)).state).toBe('Success');
    expect(await until(id, 'Closed')).toMatchObject({ runningInstanceCount: 0 });
    await remove(id);
  }, 120_000);

  it('[row 63 node] [row 54 node] [row 60 node] [row 64 node] prepares slots before tasks run in them, several on a node, with resources for all', async () => {
    const bucket = unique('pool-in');
    await s3.createBucket(bucket);
    await s3.putObject(bucket, 'data.txt', Buffer.from('from the bucket'));
    const id = await create({
      resourceBuckets: [bucket],
      preparationTask: { commandLine: `sh -c 'echo preparing; cat data.txt > made.txt; echo " once" >> made.txt'` },
      multiSlotsSettings: { slotsPerNode: 2 },
    });
    expect(await until(id, 'FullyExecuting')).toMatchObject({ totalSlotCapacity: 2, runningInstanceCount: 1 });
    expect((await nodeStyle.send('GET', `/pools/${id}/stdout`)).text).toBe('0> preparing\n');
    expect((await nodeStyle.send('POST', `/pools/${id}/stdout`)).text).toBe('0> preparing\n');
    expect((await nodeStyle.send('POST', `/pools/${id}/stdout`)).text).toBe('');
    expect((await nodeStyle.send('GET', `/pools/${id}/stderr`)).text).toBe('');
    const text = "sh -c 'cat made.txt; echo mine > made.txt; sleep 1; cat made.txt'";
    const task = await untilOver(nodeStyle, await submit(nodeStyle, inPool(id, text, { instanceCount: 2 })));
    expect(task.state).toBe('Success');
    for (const instance of [0, 1])
      expect((await nodeStyle.send('GET', `/tasks/${task.uuid}/stdout/${instance}`)).text).toBe(
        'from the bucket once\nmine\n',
      );
    await s3.putObject(bucket, 'data.txt', Buffer.from('changed'));
    expect(await statusOf('PATCH', `/pools/${id}`)).toBe(200);
    const synchronized = inPool(id, 'cat data.txt', { waitForPoolResourcesSynchronization: true });
    const after = await untilOver(nodeStyle, await submit(nodeStyle, synchronized));
    expect((await nodeStyle.send('GET', `/tasks/${after.uuid}/stdout/0`)).text).toBe('changed');
    await remove(id);
  }, 120_000);

  it('[row 63 node] fails with a visible reason when its slots cannot be prepared', async () => {
    const id = await create({ preparationTask: { commandLine: "sh -c 'exit 3'" } });
    const seen = await eventually(async () => {
      const pool = await get(id);
      return pool.errors.length > 0 ? pool : undefined;
    }, LONG);
    expect(seen.errors[0]?.message).toContain('3');
    expect((await until(id, 'Failure')).errors).toHaveLength(1);
    await remove(id);
  }, 120_000);

  it('[row 62 node] follows the demand when it is elastic', async () => {
    const elasticProperty = {
      isElastic: true,
      minTotalSlots: 0,
      maxTotalSlots: 2,
      minIdleSlots: 0,
      resizePeriod: 90,
      rampResizeFactor: 1,
      minIdleTimeSeconds: 1,
    };
    const id = await create({ instanceCount: 0, elasticProperty });
    expect(await until(id, 'FullyExecuting')).toMatchObject({ runningInstanceCount: 0, elasticProperty });
    const task = await untilOver(nodeStyle, await submit(nodeStyle, inPool(id, 'sleep 1', { instanceCount: 2 })));
    expect(task.state).toBe('Success');
    await eventually(async () => (await get(id)).runningInstanceCount === 0, LONG);
    await remove(id);
  }, 120_000);

  it('[row 58 node] [row 53 node] [row 57 node] [row 61 node] echoes a scaling as it was sent, names the active policy, and is cloned as it is', async () => {
    const policies = [
      {
        type: 'Fixed',
        slotsCount: 1,
        name: 'never',
        enabledPeriods: [
          { type: 'Weekly', days: [], startTimeUtc: '06:00:00.0000000', endTimeUtc: '07:00:00', name: 'p' },
        ],
      },
      { type: 'Fixed', slotsCount: 0, name: 'rest', enabledPeriods: [{ type: 'Always', name: 'always' }] },
    ];
    const id = await create({ tags: ['scaled'] });
    expect(await statusOf('PUT', `/pools/${id}/scaling`, { policies })).toBe(200);
    const pool = await get(id);
    expect(JSON.stringify(pool.scaling?.policies)).toBe(JSON.stringify(policies));
    expect(pool.scaling?.activePolicyName).toBe('rest');
    const bad = await nodeStyle.send('PUT', `/pools/${id}/scaling`, { body: { policies: [{ type: 'Other' }] } });
    expect([bad.status, Object.keys((bad.json() as { errors: object }).errors)]).toEqual([400, ['policies[0].type']]);
    expect(await statusOf('PUT', `/pools/${id}`, { tags: ['other'] })).toBe(200);
    expect(await get(id)).toMatchObject({ tags: ['other'], scaling: { policies } });
    await eventually(async () => (await get(id)).runningInstanceCount === 0, LONG);
    const cloned = await nodeStyle.send('POST', `/pools/${id}/clone`);
    const clone = (cloned.json() as { uuid: string }).uuid;
    const own = ['creationDate', 'lastModified', 'stateTransitionTime', 'previousStateTransitionTime', 'uuid'];
    const moving = ['shortname', 'status', 'state', 'previousState', 'runningInstanceCount', 'executionTime'];
    const same = (whole: WirePool): string =>
      JSON.stringify(Object.entries(whole).filter(([key]) => ![...own, ...moving, 'name', 'wallTime'].includes(key)));
    expect(same(await get(clone))).toBe(same(await get(id)));
    await remove(id);
    await remove(clone);
  }, 120_000);

  it('[row 49 node] [row 50 node] [row 51 node] [row 52 node] is listed, paged and searched, whole and in short', async () => {
    const tag = unique('tag');
    const ids = [await create({ tags: [tag] }), await create({ tags: [tag] })];
    const filter = { operator: 'Equal', field: 'Tags', value: tag };
    const uuidsIn = (list: unknown): string[] => (list as { uuid: string }[]).map(({ uuid }) => uuid).toSorted();
    const listed = (await nodeStyle.send('GET', `/pools?tag=${tag}`)).json();
    expect(uuidsIn(listed)).toEqual(ids.toSorted());
    const short = (await nodeStyle.send('GET', `/pools/summaries?tag=${tag}`)).json() as unknown[];
    expect(short.map((one) => poolSummarySchema.strict().parse(one).uuid).toSorted()).toEqual(ids.toSorted());
    const page = (await nodeStyle.send('POST', '/pools/paginate', { body: { maximumResults: 1, filter } })).json();
    expect(page).toMatchObject({ isTruncated: true, count: 1, total: 2 });
    const shortPage = await nodeStyle.send('POST', '/pools/summaries/paginate', { body: { filter } });
    expect(uuidsIn((shortPage.json() as { data: unknown }).data)).toEqual(ids.toSorted());
    const found = await nodeStyle.send('POST', '/pools/search', { body: { filter, select: ['uuid', 'name'] } });
    expect(uuidsIn(found.json())).toEqual(ids.toSorted());
    expect((await nodeStyle.send('GET', `/pool/${ids[0]}`)).status).toBe(200);
    for (const id of ids) await remove(id);
  }, 120_000);

  it('[row 47 node] refuses what cannot be, with the name of the field, and leaves nothing behind', async () => {
    const refusal = async (body: Body, path = '/pools'): Promise<readonly [number, readonly string[]]> => {
      const answer = await nodeStyle.send('POST', path, { body });
      return [answer.status, Object.keys((answer.json() as { errors?: object }).errors ?? {})];
    };
    const pool = { name: 'pool', profile: 'docker-batch', instanceCount: 1 };
    expect(await refusal({ ...pool, profile: 'none' })).toEqual([400, ['profile']]);
    expect(await refusal({ ...pool, instanceCount: 0 })).toEqual([400, ['instanceCount']]);
    expect(await refusal({ ...pool, scaling: { policies: [{ type: 'Fixed' }] } })).toEqual([
      400,
      ['scaling.policies[0].slotsCount'],
    ]);
    expect(await refusal({ ...pool, resourceBuckets: [unique('none')] })).toEqual([404, []]);
    const none = '11111111-1111-4111-8111-111111111111';
    expect(await refusal(inPool(none, 'true'), '/tasks')).toEqual([400, ['poolUuid']]);
    const id = await create();
    expect(await refusal(inPool(id, 'true', { profile: 'shell' }), '/tasks')).toEqual([400, ['profile']]);
    const constraint = { discriminator: 'SSDHardwareConstraint' };
    expect(await refusal(inPool(id, 'true', { hardwareConstraints: [constraint] }), '/tasks')).toEqual([
      400,
      ['hardwareConstraints'],
    ]);
    await remove(id);
  }, 120_000);
});
