import { describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { s3 } from '../clients/buckets.js';
import { everyStyle, type StyledClient } from '../clients/styles.js';
import { aTask, command, read, run, submit, unique, untilOver, untilRunning } from '../clients/tasks.js';

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** The Node client sends what its user gave; the others all fields, with nulls, in Pascal case. */
const bodyOf = ({ style }: StyledClient, config: object): Readonly<Record<string, unknown>> =>
  style === 'node'
    ? { ...config }
    : Object.fromEntries(
        Object.entries({ whitelist: null, blacklist: null, bucket: null, bucketPrefix: null, ...config }).map(
          ([name, value]) => [capital(name), value],
        ),
      );

const unknownTask = '00000000-0000-0000-0000-000000000000';

describe.each(everyStyle)('snapshots by $style', (client) => {
  const start = async (): Promise<{ readonly id: string; readonly bucket: string }> => {
    const bucket = unique('snaps');
    await s3.createBucket(bucket);
    const writes = command("sh -c 'echo a > a; echo b > b; echo up; exec sleep 3600'");
    const id = await submit(client, aTask({ ...writes, resultBucket: bucket, snapshotWhitelist: '^a$' }));
    return { id, bucket };
  };
  const keysIn = async (bucket: string): Promise<readonly string[]> =>
    (await s3.listObjects(bucket)).map(({ key }) => key);

  it(`[rows 38,40,41 ${client.style}] are taken at once, of what the call says, or else the task`, async () => {
    const { id, bucket } = await start();
    await untilRunning(client, id);
    await eventually(async () => (await client.send('GET', `/tasks/${id}/stdout`)).text.includes('up'));
    expect((await client.send('POST', `/tasks/${id}/snapshot`)).status).toBe(200);
    await eventually(async () => (await keysIn(bucket)).join() === 'a', { timeoutMs: 30_000 });
    const body = bodyOf(client, { whitelist: '.*', bucketPrefix: 'all' });
    const taken = await client.send('POST', `/tasks/${id}/snapshot`, { body });
    const { id: snapshot } = taken.json() as { readonly id: string };
    await eventually(
      async () => {
        const { status } = (await client.send('GET', `/tasks/${id}/snapshot/${snapshot}`)).json() as { status: string };
        return status === 'success';
      },
      { timeoutMs: 30_000 },
    );
    expect(await keysIn(bucket)).toEqual(['a', 'all/a', 'all/b']);
    const inside = `/fornax/v1/tasks/${id}/snapshots/${snapshot}`;
    expect((await client.send('GET', `${inside}/files?limit=1`)).json()).toMatchObject({
      data: [{ instance: 0, path: 'a', size: 2, target: null }],
      nextAfter: Buffer.from('0:a').toString('base64url'),
    });
    expect((await client.send('GET', `${inside}/diff?against=${snapshot}`)).json()).toEqual({
      data: [],
      nextAfter: null,
    });
    await client.send('POST', `/tasks/${id}/abort`);
  });

  it(`[rows 39,41 ${client.style}] are planned before the task runs, and stopped`, async () => {
    const { id, bucket } = await start();
    const path = `/tasks/${id}/snapshot/periodic`;
    const planned = await client.send('POST', path, { body: bodyOf(client, { interval: 1, bucketPrefix: 'now' }) });
    expect([planned.status, planned.text]).toEqual([200, '']);
    expect((await read(client, id)).snapshotInterval).toBe(2);
    await eventually(async () => (await keysIn(bucket)).join() === 'now/a', { timeoutMs: 60_000 });
    expect((await client.send('POST', path, { body: bodyOf(client, { interval: -1 }) })).status).toBe(400);
    expect((await client.send('POST', path, { body: bodyOf(client, { interval: 0 }) })).status).toBe(200);
    expect((await read(client, id)).snapshotInterval).toBe(0);
    await client.send('POST', `/tasks/${id}/abort`);
  });

  it(`[rows 38,39,41 ${client.style}] are refused with what is wrong where they make no sense`, async () => {
    const { id } = await start();
    await untilRunning(client, id);
    const [once, periodic] = [`/tasks/${id}/snapshot`, `/tasks/${id}/snapshot/periodic`];
    const answer = async (path: string, config: object): Promise<readonly [number, string]> => {
      const { status, text } = await client.send('POST', path, { body: bodyOf(client, config) });
      return [status, text];
    };
    for (const [path, more] of [
      [once, {}],
      [periodic, { interval: 60 }],
    ] as const) {
      // With the place at which it does not compile.
      expect(await answer(path, { whitelist: 'a(b', ...more })).toEqual([400, expect.stringMatching(/hitelist.*\d/)]);
      expect(await answer(path, { blacklist: 'a(?=b)', ...more })).toEqual([
        400,
        expect.stringMatching(/lacklist.*\d/),
      ]);
      expect(await answer(path, { bucket: 'No Bucket', ...more })).toEqual([400, expect.stringContaining('No Bucket')]);
      expect((await client.send('POST', path.replace(id, unknownTask), { body: bodyOf(client, more) })).status).toBe(
        404,
      );
    }
    for (const interval of [-1, -1e9, 1.5, 1e300, '60s'])
      expect([interval, ...(await answer(periodic, { interval }))]).toEqual([
        interval,
        400,
        expect.stringMatching(/nterval/),
      ]);
    expect((await read(client, id)).snapshotInterval).toBe(0);
    // Longer than there is: what holds is shown.
    expect((await answer(periodic, { interval: 2 ** 31 - 1 }))[0]).toBe(200);
    expect((await read(client, id)).snapshotInterval).toBe(604_800);

    await client.send('POST', `/tasks/${id}/abort`);
    expect((await untilOver(client, id)).state).toBe('Cancelled');
    const { uuid: finished } = await run(client, aTask());
    for (const over of [id, finished])
      for (const [path, config] of [
        [`/tasks/${over}/snapshot`, {}],
        [`/tasks/${over}/snapshot/periodic`, { interval: 60 }],
      ] as const)
        expect(await answer(path, config)).toEqual([403, expect.stringContaining('not running')]);

    const tooLarge = [{ discriminator: 'MinimumCoreHardwareConstraint', coreCount: 100_000 }];
    const waits = await submit(client, aTask({ hardwareConstraints: tooLarge, resultBucket: unique('waits') }));
    expect(await answer(`/tasks/${waits}/snapshot`, {})).toEqual([403, expect.stringContaining('not running')]);
    expect((await answer(`/tasks/${waits}/snapshot/periodic`, { interval: 60 }))[0]).toBe(200);
    expect((await read(client, waits)).snapshotInterval).toBe(60);
    await client.send('POST', `/tasks/${waits}/abort`);
  });
});
