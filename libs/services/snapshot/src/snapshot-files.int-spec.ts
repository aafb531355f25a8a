import { createHash } from 'node:crypto';
import type { FileChange, SnapshotFile, SnapshotManifest } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startSnapshots, type Snapshots } from './snapshot-service.fixture.js';

const TASK = 'browsed';
const sum = (content: string): string => createHash('sha256').update(content).digest('hex');
type Contents = Readonly<Record<string, string>>;

describe('files of snapshots', () => {
  let snapshots: Snapshots;
  let [earlier, later] = ['', ''];
  /** Where the lists of the later one lie, by instance. */
  const keys = new Map<number, string>();

  const listOf = (snapshotId: string, instance: number, contents: Contents): SnapshotManifest => ({
    ...{ format: 1, snapshotId, taskId: TASK, instance, attempt: 0, bucket: 'results', folder: 'run/' },
    files: Object.keys(contents)
      .sort()
      .map((path) => ({ path, size: (contents[path] ?? '').length, mode: 0o644, sha256: sum(contents[path] ?? '') })),
    links: [{ path: 'latest', target: 'a' }],
    leftOut: [],
  });
  /** As nodes do: they store the lists, and report their digests. */
  const complete = async (all: readonly Contents[]): Promise<string> => {
    const snapshotId = await snapshots.take(TASK);
    for (const [instance, contents] of all.entries()) {
      const bytes = Buffer.from(JSON.stringify(listOf(snapshotId, instance, contents)));
      const manifest = createHash('sha256').update(bytes).digest('hex');
      keys.set(instance, `${TASK}/ada/${manifest}.json`);
      snapshots.objects.set(keys.get(instance) ?? '', bytes);
      const leaseId = `${TASK}/${instance}`;
      await snapshots.report({ kind: 'uploaded', snapshotId, leaseId, files: 1, bytes: 1, manifest });
    }
    await eventually(async () => (await snapshots.statusOf(TASK, snapshotId)) === 'success');
    return snapshotId;
  };
  const get = (id: string, what: string, token?: string) =>
    snapshots.call('GET', `/fornax/v1/tasks/${TASK}/snapshots/${id}/${what}`, undefined, token);
  const pages = async <T>(id: string, what: string): Promise<readonly (readonly T[])[]> => {
    const found: (readonly T[])[] = [];
    for (let after: string | null = ''; after !== null;) {
      const answer = await get(id, `${what}${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`);
      expect(answer.status).toBe(200);
      const { data, nextAfter } = answer.body as { readonly data: readonly T[]; readonly nextAfter: string | null };
      found.push(data);
      after = nextAfter;
    }
    return found;
  };

  beforeAll(async () => {
    snapshots = await startSnapshots();
    await snapshots.runningTask(TASK, 2);
    earlier = await complete([{ a: 'x', gone: 'abc' }, { a: 'same' }]);
    later = await complete([{ a: 'xyz', 'b:c/ü': '' }, { a: 'same' }]);
  }, 120_000);
  afterAll(() => snapshots?.close());

  it('are listed by instance and path, with where each lies', async () => {
    const { status, body } = await get(later, 'files');
    expect(status).toBe(200);
    const [file] = (body as { readonly data: readonly SnapshotFile[] }).data;
    expect(file).toEqual({
      ...{ instance: 0, path: 'a', size: 3, mode: 0o644, sha256: sum('xyz'), target: null },
      key: `${TASK}/${later}/0/results/run/a`,
    });
    const paged = await pages<SnapshotFile>(later, 'files?limit=2');
    expect(paged.map((page) => page.map(({ instance, path }) => `${instance} ${path}`))).toEqual([
      ['0 a', '0 b:c/ü'],
      ['0 latest', '1 a'],
      ['1 latest'],
    ]);
    expect((await pages<SnapshotFile>(later, 'files?instance=1')).flat().at(-1)).toMatchObject({
      ...{ path: 'latest', target: 'a', size: null, key: null },
    });
  });

  it('are compared with those of another one', async () => {
    const changes = (await pages<FileChange>(later, `diff?against=${earlier}&limit=1`)).flat();
    expect(changes).toEqual([
      { instance: 0, path: 'a', change: 'changed', before: 1, after: 3 },
      { instance: 0, path: 'b:c/ü', change: 'added', before: null, after: 0 },
      { instance: 0, path: 'gone', change: 'removed', before: 3, after: null },
    ]);
    expect((await get(later, `diff?against=${later}`)).body).toEqual({ data: [], nextAfter: null });
  });

  it('are unknown to everybody but those who may look at the task, also as what is compared with', async () => {
    for (const what of ['files', `diff?against=${earlier}`, `diff?against=${later}`])
      expect((await get(later, what, 'bob-token')).status).toBe(404);
    expect((await get(later, 'files', 'root-token')).status).toBe(200);
    expect((await get(later, 'diff?against=snap_none')).status).toBe(404);
    expect((await get('snap_none', 'files')).status).toBe(404);
    await snapshots.runningTask('other');
    expect((await snapshots.call('GET', `/fornax/v1/tasks/other/snapshots/${later}/files`)).status).toBe(404);
    expect((await get(later, 'files?instance=7')).status).toBe(404);
  });

  it('are refused where the question makes no sense, or the snapshot is not complete', async () => {
    for (const what of ['files?limit=0', 'files?after=nowhere', 'files?instance=-1', 'diff'])
      expect((await get(later, what)).status).toBe(400);
    const open = await snapshots.take(TASK);
    expect(await get(open, 'files')).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('not complete') },
    });
    const without = { kind: 'uploaded', snapshotId: open, files: 1, bytes: 1 } as const;
    for (const n of [0, 1]) await snapshots.report({ ...without, leaseId: `${TASK}/${n}` });
    await eventually(async () => (await snapshots.statusOf(TASK, open)) === 'success');
    expect(await get(open, 'files')).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('earlier version') },
    });
  });

  it('are not shown from a list that was altered, is gone, or is too long', async () => {
    await snapshots.restart(() => Promise.resolve());
    const key = keys.get(0) ?? '';
    const bytes = snapshots.objects.get(key) ?? Buffer.alloc(0);
    snapshots.objects.set(key, Buffer.from(bytes.toString().replace('"size":3', '"size":4')));
    expect(await get(later, 'files')).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('not the one that the event log names') },
    });
    expect((await get(later, 'files?instance=1')).status).toBe(200);
    snapshots.objects.delete(key);
    expect((await get(later, `diff?against=${earlier}`)).status).toBe(409);
    snapshots.objects.set(key, Buffer.alloc(32 * 1024 * 1024 + 1, 0x20));
    expect((await get(later, 'files')).status).toBe(422);
    snapshots.objects.set(key, bytes);
    snapshots.storage.damaged.add(key);
    expect(await get(later, 'files')).toMatchObject({
      status: 409,
      body: { message: expect.stringContaining('its file in the storage is damaged') },
    });
    snapshots.storage.setThere(false);
    expect((await get(later, 'files')).status).toBe(503);
    snapshots.storage.setThere(true);
    snapshots.storage.damaged.delete(key);
    expect((await get(later, 'files')).status).toBe(200);
  });

  it('are paged behind a path of any letters by a place that an address can hold', async () => {
    const long = ['a', 'b'].map((last) => `${'\u{1f4be}'.repeat(1_000)}${last}`);
    const id = await complete([Object.fromEntries(long.map((path) => [path, 'x'])), {}]);
    const paged = await pages<SnapshotFile>(id, 'files?limit=1');
    expect(paged.map(([file]) => file?.path)).toEqual(['latest', ...long, 'latest']);
  });
});
