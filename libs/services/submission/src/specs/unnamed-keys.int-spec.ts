import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newId } from '@fornax/base';
import { STREAMS, eventSubject } from '@fornax/contracts';
import { Quarantine } from '@fornax/event-store';
import { KeySweep, UnnamedKeys } from '@fornax/secrets';
import { DataKeys, LOGGER, WriteStops } from '@fornax/service-kit';
import type { Logger } from '@fornax/base';
import { eventually } from '@fornax/testing';
import { startHarness, submitTo, type Harness } from './submission.fixture.js';

const constants = [{ key: 'QARNOT_SECRET_RECIPE', value: 'Maultaschen-Rezept' }];
const MINUTE_MS = 60_000;

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
}, 120_000);
afterAll(() => harness.close());

const keyIds = async (): Promise<readonly string[]> =>
  ((await harness.query('SELECT key_id FROM data_key ORDER BY key_id')) as { readonly key_id: string }[]).map(
    ({ key_id: id }) => id,
  );
const unnamed = () => harness.query('SELECT 1 FROM data_key WHERE named_at IS NULL');
const makeOld = () => harness.query("UPDATE data_key SET created_at = now() - interval '25 hours'");
/** The sweep, with a clock whose hands this spec moves. */
const sweepAt = () => {
  const hands = { now: 0 };
  const { app } = harness.test;
  const sweep = new KeySweep(
    app.get(UnnamedKeys),
    app.get(WriteStops),
    { elapsed: () => hands.now },
    app.get<Logger>(LOGGER),
    { whenWoken: () => () => undefined },
  );
  const lookAfter = async (minutes: number): Promise<void> => {
    hands.now += minutes * MINUTE_MS;
    await sweep.look();
  };
  return lookAfter;
};

describe('data keys that no event names', () => {
  it('are destroyed when they are old: those of requests whose process ended between the key and the log', async () => {
    await submitTo(harness, { constants });
    expect(await harness.call('PUT', '/secrets-manager/data/kept', { value: 'x' })).toMatchObject({ status: 200 });
    // Followers have come to all of them.
    await eventually(async () => (await unnamed()).length === 0);
    const before = await keyIds();

    harness.wire.cut();
    const requests = [
      harness.call('POST', '/tasks', { name: 'n', profile: 'docker-batch', instanceCount: 1, constants }),
      harness.call('PUT', '/secrets-manager/data/lost', { value: 'x' }),
    ];
    await eventually(async () => (await keyIds()).length === before.length + 2);
    for (const { status } of await Promise.all(requests)) expect(status).toBeGreaterThanOrEqual(500);
    harness.wire.heal();
    await harness.restart();
    expect(await keyIds()).toHaveLength(before.length + 2);

    const lookAfter = sweepAt();
    await lookAfter(0);
    await lookAfter(60);
    // Young ones may still come to the log.
    expect(await keyIds()).toHaveLength(before.length + 2);
    await makeOld();
    await lookAfter(1);
    // Their age alone may be that of a clock that was set.
    expect(await keyIds()).toHaveLength(before.length + 2);
    await lookAfter(15);
    expect(await keyIds()).toEqual(before);
  }, 60_000);

  it('stay where the log names them, though nobody has noted it yet', async () => {
    const taskId = await submitTo(harness, { constants });
    await harness.call('PUT', '/secrets-manager/data/named', { value: 'x' });
    await eventually(async () => (await unnamed()).length === 0);
    const before = await keyIds();
    await harness.query('UPDATE data_key SET named_at = NULL');
    const keys = harness.test.app.get(UnnamedKeys);
    expect(await keys.destroy(await keys.olderThan(0, 100))).toBe(0);
    expect(await keyIds()).toEqual(before);
    expect(await unnamed()).toEqual([]);
    expect(await harness.call('POST', `/tasks/${taskId}/clone`, {})).toMatchObject({ status: 200 });
  });

  it('stay where the log has a commit of their owner that this version cannot read', async () => {
    const ownerId = await submitTo(harness, { constants });
    await eventually(async () => (await unnamed()).length === 0);
    const [submitted] = await harness.log.readAggregate('task', ownerId);
    const sequence = submitted?.sequence ?? 0;
    // As an older version finds what a newer one wrote, which this one is put back from.
    harness.test.app.get(Quarantine).noticeEvent({
      ...{
        stream: STREAMS.events,
        sequence,
        subject: eventSubject('task', ownerId),
        aggregate: 'task',
        aggregateId: ownerId,
      },
      ...{ reason: 'event type is not known to this version', sizeBytes: 1, headers: [] },
    });
    await harness.query('UPDATE data_key SET named_at = NULL WHERE owner_id = $1', [ownerId]);
    const keys = harness.test.app.get(UnnamedKeys);
    const candidates = (await keys.olderThan(0, 100)).filter((one) => one.ownerId === ownerId);
    expect(candidates).toHaveLength(1);
    expect(await keys.destroy(candidates)).toBe(0);
  });

  it('stay for tasks of jobs that are to come to the log', async () => {
    const ownerId = newId();
    const key = { ...harness.test.app.get(DataKeys).make(), ownerId };
    await harness.test.app.get(DataKeys).keep([key]);
    await harness.query(
      `INSERT INTO staged_task (job_id, commit_id, position, task_id, owner, spec, meta) VALUES ('j', 'c', 1, $1, 'o', '{}', '{}')`,
      [ownerId],
    );
    const keys = harness.test.app.get(UnnamedKeys);
    expect(await keys.destroy([key])).toBe(0);
    await harness.query("DELETE FROM staged_task WHERE job_id = 'j'");
    expect(await keys.destroy([key])).toBe(1);
  });

  it('stay while something is wrong with the log', async () => {
    const key = { ...harness.test.app.get(DataKeys).make(), ownerId: newId() };
    await harness.test.app.get(DataKeys).keep([key]);
    await makeOld();
    const lookAfter = sweepAt();
    await lookAfter(0);
    const stops = harness.test.app.get(WriteStops);
    stops.set('test', { status: 503, message: 'the log is not the one that it was', ways: [] });
    await lookAfter(20);
    expect(await keyIds()).toContain(key.keyId);
    stops.set('test', undefined);
    await lookAfter(0);
    await lookAfter(20);
    expect(await keyIds()).not.toContain(key.keyId);
  });
});
