import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiError, type FornaxClient } from '@fornax/client';
import type { S3Client } from '@fornax/s3';
import { type RunningPlatform, eventually, startPlatform } from '@fornax/testing';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fornax } from './command-line.js';
import { clientsOf, untilAllPrint } from './clients.js';

const COMMAND = [
  'mkdir -p kept',
  'echo "first words of $INSTANCE_ID" > kept/words-$INSTANCE_ID.txt',
  'head -c 300000 /dev/zero > kept/zeros-$INSTANCE_ID.txt',
  'echo no > kept/unwanted.log',
  'echo no > unwanted-$INSTANCE_ID.txt',
  'echo written',
  'exec sleep 600',
].join('; ');

describe('a snapshot of a running task', () => {
  let platform: RunningPlatform;
  let api: FornaxClient;
  let s3: S3Client;
  let task: string;

  beforeAll(async () => {
    platform = await startPlatform();
    ({ api, s3 } = clientsOf(platform));
    await s3.createBucket('snapshots');
    task = await api.submitTask({
      name: 'long',
      profile: 'docker-batch',
      instanceCount: 2,
      constants: [{ key: 'DOCKER_CMD', value: `sh -c '${COMMAND}'` }],
    });
    await untilAllPrint(api, task, 2, 'written');
    await eventually(async () => (await api.getTask(task)).state === 'FullyExecuting');
  });

  afterAll(async () => {
    s3?.close();
    await platform?.stop();
  });

  it('puts the chosen files of every instance, as they are, into a bucket while the task runs on', async () => {
    const before = await api.getTask(task);
    const id = await api.snapshotTask(task, {
      bucket: 'snapshots',
      bucketPrefix: 'at-first/',
      whitelist: '^kept/.*\\.txt$',
    });
    const snapshot = await eventually(
      async () => {
        const now = await api.getSnapshot(task, id);
        return ['success', 'failure'].includes(String(now['status'])) && now;
      },
      { timeoutMs: 30_000 },
    );

    const sizeBytes = 2 * ('first words of 0\n'.length + 300_000);
    expect(snapshot).toMatchObject({
      id,
      taskUuid: task,
      status: 'success',
      sizeToUpload: sizeBytes,
      transferredSize: sizeBytes,
      snapshotConfig: { bucket: 'snapshots', bucketPrefix: 'at-first/', whitelist: '^kept/.*\\.txt$', blacklist: null },
    });
    const objects = await s3.listObjects('snapshots');
    expect(objects.map(({ key, sizeBytes: size }) => [key, size])).toEqual([
      ['at-first/kept/words-0.txt', 17],
      ['at-first/kept/words-1.txt', 17],
      ['at-first/kept/zeros-0.txt', 300_000],
      ['at-first/kept/zeros-1.txt', 300_000],
    ]);
    expect((await s3.getBytes('snapshots', 'at-first/kept/words-1.txt')).toString()).toBe('first words of 1\n');
    expect((await s3.getBytes('snapshots', 'at-first/kept/zeros-0.txt')).equals(Buffer.alloc(300_000))).toBe(true);

    const after = await eventually(async () => {
      const now = await api.getTask(task);
      return now.resultsCount > before.resultsCount && now;
    });
    expect(after).toMatchObject({ state: 'FullyExecuting', runningInstanceCount: 2 });
  });

  it('copies inside of the storage what has not changed since', async () => {
    const id = await api.snapshotTask(task, {
      bucket: 'snapshots',
      bucketPrefix: 'at-first/',
      whitelist: '^kept/.*\\.txt$',
    });
    await eventually(async () => (await api.getSnapshot(task, id))['status'] === 'success', { timeoutMs: 30_000 });
    const response = await fetch(`${platform.apiUrl}/fornax/v1/tasks/${task}/events?limit=1000`, {
      headers: { authorization: platform.token },
    });
    const { events } = (await response.json()) as {
      readonly events: readonly { readonly type: string; readonly data: Record<string, unknown> }[];
    };
    const parts = events.filter(({ type }) => type === 'SnapshotPartUploaded').map(({ data }) => data);
    const [size, manifest] = ['first words of 0\n'.length + 300_000, expect.stringMatching(/^[0-9a-f]{64}$/)];
    expect(parts).toEqual([
      ...[0, 1].map(() => expect.objectContaining({ files: 2, bytes: size, sentBytes: size, manifest })),
      ...[0, 1].map(() => expect.objectContaining({ files: 2, bytes: size, sentBytes: 0, manifest })),
    ]);
    expect(await s3.listObjects('snapshots')).toHaveLength(4);
  });

  it('is listed, compared and brought here by the command line, each instance below its number', async () => {
    const run = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await fornax(platform.dataDir, 'snapshot', ...args);
      expect([code, stderr]).toEqual([0, '']);
      return stdout;
    };
    expect((await api.snapshots.list(task))[0]).toMatchObject({ instances: 2, files: 4 });
    const folder = await mkdtemp(join(tmpdir(), 'fornax-snapshot-'));
    try {
      const [later, earlier] = [...(await run('list', task)).matchAll(/^(snap_\S+) +success/gm)].map(
        ([, id = '']) => id,
      );
      expect(await run('files', earlier ?? '')).toMatch(/ 1 +17 +644 +[0-9a-f]{16} +kept\/words-1.txt$/m);
      expect(await run('diff', earlier ?? '', later ?? '')).toBe('0 added, 0 changed, 0 removed; 0 bytes are new\n');
      expect(await run('download', later ?? '', folder)).toBe(`4 of 4 files are in ${folder} (0 were there)\n`);
      await rm(join(folder, '0/kept/words-0.txt'));
      expect(await run('download', later ?? '', folder)).toBe(`4 of 4 files are in ${folder} (3 were there)\n`);
      expect(await readFile(join(folder, '0/kept/words-0.txt'), 'utf8')).toBe('first words of 0\n');
      expect(await run('files', later ?? '', '--verify', '-i', '1')).toBe(
        '2 of 2 files are what the instances stored\n',
      );
      const none = await fornax(platform.dataDir, 'snapshot', 'files', later ?? '', '-i', '7');
      expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('has nothing of instance 7')]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('is refused once the task is over', async () => {
    await api.abortTask(task);
    expect(await api.waitForTask(task)).toMatchObject({ state: 'Cancelled' });
    const refusal = await api.snapshotTask(task, { bucket: 'snapshots' }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ApiError);
    expect(refusal).toMatchObject({ status: 403 });
    expect(await s3.listObjects('snapshots')).toHaveLength(4);
  });

  it('is begun with by nothing once it is pruned, and what was published of it stays', async () => {
    const [latest] = await api.snapshots.list(task);
    const id = latest?.id ?? '';
    await eventually(async () => (await fornax(platform.dataDir, 'snapshot', 'prune', id)).stdout === `${id} pruned\n`);
    expect((await fornax(platform.dataDir, 'snapshot', 'list', task)).stdout).toMatch(
      new RegExp(`^${id} +pruned `, 'm'),
    );
    expect((await fornax(platform.dataDir, 'snapshot', 'files', id)).stdout).toContain('kept/words-1.txt');
    const gone = await fornax(platform.dataDir, 'snapshot', 'download', id, platform.dataDir);
    expect([gone.code, gone.stdout]).toEqual([1, expect.stringContaining('is not in the storage any more')]);
    expect(await s3.listObjects('snapshots')).toHaveLength(4);
    const rest = await api.repeatTask(task, 'resume', { fornax: { resumeFromSnapshot: id } });
    const ended = await api.waitForTask(rest);
    expect(ended.state).toBe('Failure');
    expect(ended.errors[0]).toMatchObject({ code: 'FX-SNAPSHOT', message: expect.stringContaining('it was pruned') });
  });
});
