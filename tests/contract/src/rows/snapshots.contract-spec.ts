import { describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { s3 } from '../clients/buckets.js';
import { everyStyle, type StyledClient } from '../clients/styles.js';
import { aTask, command, read, submit, unique, untilRunning } from '../clients/tasks.js';

interface Config {
  readonly interval?: number;
  readonly whitelist?: string | null;
  readonly bucketPrefix?: string | null;
}

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

/** The Node client sends what its user gave; the others all fields, with nulls, in Pascal case. */
const bodyOf = ({ style }: StyledClient, config: Config): Readonly<Record<string, unknown>> =>
  style === 'node'
    ? { ...config }
    : Object.fromEntries(
        Object.entries({ whitelist: null, blacklist: null, bucket: null, bucketPrefix: null, ...config }).map(
          ([name, value]) => [capital(name), value],
        ),
      );

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
});
