import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningPlatform, eventually, startPlatform } from '@fornax/testing';
import { taskFaults } from './invariants.js';
import { fillTo as fillDisk } from './nemesis/disk.js';
import { type Acknowledged, insist } from './work.js';

const DISK_BYTES = 400_000_000;
const LOW_BYTES = 40_000_000;
const BUCKET = 'full-disk-results';
const PATIENCE = { timeoutMs: 120_000 };

describe('a disk that fills up under a running platform', () => {
  const acknowledged: Acknowledged[] = [];
  let platform: RunningPlatform;
  let filler: string;

  const fillTo = (leftBytes: number): Promise<void> => fillDisk(platform.dataDir, filler, leftBytes);

  const post = (name: string): Promise<Response> =>
    fetch(`${platform.apiUrl}/tasks`, {
      method: 'POST',
      headers: { authorization: platform.token, 'content-type': 'application/json', 'idempotency-key': name },
      body: JSON.stringify({
        name,
        profile: 'docker-batch',
        instanceCount: 1,
        resultBucket: BUCKET,
        constants: [{ key: 'DOCKER_CMD', value: "sh -c 'echo hello; sleep 0.5; echo done > done.txt'" }],
      }),
      signal: AbortSignal.timeout(60_000),
    });

  const ready = (): Promise<Response> =>
    fetch(`${platform.apiUrl}/health/ready`, {
      headers: { authorization: platform.token },
      signal: AbortSignal.timeout(10_000),
    });

  const submitOne = async (): Promise<void> => {
    const key = `full-${acknowledged.length}`;
    const uuid = await insist(async () => {
      const response = await post(key);
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
      return ((await response.json()) as { readonly uuid: string }).uuid;
    }, `submit ${key}`);
    acknowledged.push({ uuid, key, instances: 1 });
  };

  beforeAll(async () => {
    platform = await startPlatform({
      diskBytes: DISK_BYTES,
      env: { FORNAX_DISK_LOW_BYTES: String(LOW_BYTES), FORNAX_NODE_DISK_LOW_BYTES: String(LOW_BYTES / 4) },
    });
    filler = join(platform.dataDir, 'filler');
  });

  afterAll(() => platform.stop());

  it('refuses what users ask for before the last megabytes, says why, and ends what runs', async () => {
    await submitOne();
    await fillTo(LOW_BYTES - 10_000_000);
    // Noticed within a second or so; a submit before that is taken, and its repetition under the same key would be answered as it was.
    await eventually(async () => (await ready()).status === 503, PATIENCE);
    const answer = await post('one-too-many');
    expect(answer.status).toBe(507);
    expect(await answer.text()).toContain('Disk full');
    const health = await ready();
    expect(health.status).toBe(503);
    expect(await health.text()).toContain('Disk full');
    await eventually(() => platform.output().includes('NOTHING IS WRITTEN: Disk full'), PATIENCE);
    // Reads go on, and what was taken is carried out in the reserve.
    expect(await taskFaults(platform, acknowledged)).toEqual([]);
  });

  it('goes on by itself after it was full to the last byte, and has what it acknowledged', async () => {
    const { nats: before } = await platform.parts();
    for (let turn = 0; turn < 3; turn += 1) await fillTo(0);
    await eventually(() => platform.output().includes('the event log now uses its reserve'), PATIENCE);
    for (let turn = 0; turn < 3; turn += 1) await fillTo(0);
    expect((await ready().catch(() => undefined))?.status).not.toBe(200);
    expect((await post('no-room-at-all')).status).toBe(507);

    await rm(filler);
    await eventually(async () => (await ready()).status === 200, PATIENCE);
    // Ready means that a submit works.
    await eventually(async () => {
      if ((await ready()).status !== 200) return false;
      expect((await post('after')).status).toBe(200);
      return true;
    }, PATIENCE);
    await eventually(async () => ![before, undefined].includes((await platform.parts())['nats']), PATIENCE);
    await submitOne();
    expect(await taskFaults(platform, acknowledged)).toEqual([]);
    // A line that the full disk did not take used to end it.
    expect(platform.output()).not.toContain('platform ended unexpectedly');
  });
});
