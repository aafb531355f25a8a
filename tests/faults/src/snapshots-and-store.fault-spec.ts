import { open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@fornax/testing';
import type { ListedSnapshot, WireSnapshotSummary } from '@fornax/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { auditFaults, projectionFaults } from './invariants.js';
import { fillTo } from './nemesis/disk.js';
import { BIG_BYTES, SnapshotBed, type SnapshotTask } from './testbed/snapshot-bed.js';
import { call, insist } from './work.js';

const seed = Number(process.env['FORNAX_FAULT_SEED'] ?? '1');
const DISK_BYTES = 500_000_000;
const LOW_BYTES = 40_000_000;
const PATIENCE = { timeoutMs: 120_000 };
const NAMES = ['a', 'b', 'c'];
/** Three files that stay as they are: sent in their order, as each is large. */
const STILL = [
  'test -z "$QARNOT_SNAPSHOT_ID" || test -s big-a || exit 91',
  `for name in ${NAMES.join(' ')}; do head -c ${BIG_BYTES} /dev/urandom > big-$name; done`,
  'note begin $QARNOT_SNAPSHOT_ID',
].join('\n');

/** As `GET /tasks/{id}/snapshot/{id}` shows it. */
type Shown = Pick<WireSnapshotSummary, 'status' | 'sizeToUpload' | 'transferredSize'>;

describe(`snapshots, and a store that has no room or other bytes (seed ${seed})`, () => {
  let snapshots: SnapshotBed;
  let task: SnapshotTask;

  beforeAll(async () => {
    snapshots = await SnapshotBed.open({
      seed,
      diskBytes: DISK_BYTES,
      env: {
        FORNAX_NODES: '1',
        FORNAX_NODE_CORES: '1',
        FORNAX_DISK_LOW_BYTES: String(LOW_BYTES),
        FORNAX_NODE_DISK_LOW_BYTES: String(LOW_BYTES / 4),
      },
    });
    task = await snapshots.submit('still', 1, {}, STILL);
  });
  beforeEach(() => snapshots.bed.note(expect.getState().currentTestName ?? ''));
  afterAll(() => snapshots?.close());

  const shown = (id: string): Promise<Shown> =>
    insist(() => call<Shown>(snapshots.bed.platform, 'GET', `/tasks/${task.uuid}/snapshot/${id}`), 'read the snapshot');
  /** Names of the files that are not let through. */
  const hold = (...names: readonly string[]): void =>
    snapshots.relay.decide((method, path) =>
      method === 'PUT' && names.some((name) => path.endsWith(`/big-${name}`)) ? 'hold' : 'hand on',
    );

  it('show how far they are while they go up', async () => {
    hold('b', 'c');
    const id = await snapshots.take(task);
    const [whole, files] = [NAMES.length * BIG_BYTES, snapshots.relay];
    await eventually(async () => (await shown(id)).status === 'inProgress' && files.kept > 0, PATIENCE);
    const before = await shown(id);
    expect(before).toMatchObject({ status: 'inProgress', sizeToUpload: whole });
    expect(before.transferredSize).toBeLessThan(2 * BIG_BYTES);
    // What was held is sent again, a second or so later.
    files.heal();
    hold('c');
    await eventually(async () => (await shown(id)).transferredSize === 2 * BIG_BYTES, PATIENCE);
    expect(await shown(id)).toMatchObject({ status: 'inProgress', sizeToUpload: whole });
    files.heal();
    expect(await snapshots.ended(task, id)).toMatchObject({
      status: 'success',
      sizeToUpload: whole,
      transferredSize: whole,
      files: NAMES.length,
    });
  });

  it('fail when the store is full, and say so; nothing of them stays, and the next one is whole', async () => {
    const { bed, relay } = snapshots;
    const other = await snapshots.kept(task);
    const filler = join(bed.platform.dataDir, 'filler');
    relay.decide((method, path) => (method === 'PUT' && path.endsWith('/big-a') ? 'hold' : 'hand on'));
    const id = await snapshots.take(task, { bucketPrefix: 'elsewhere' });
    await eventually(() => relay.kept > 0, PATIENCE);
    try {
      await fillTo(bed.platform.dataDir, filler, LOW_BYTES / 2);
      await bed.untilSaid(/Disk full/);
      relay.heal();
      const end = await snapshots.ended(task, id);
      expect(end).toMatchObject({ status: 'failure', reason: expect.stringMatching(/full/i) });
    } finally {
      relay.heal();
      await rm(filler, { force: true });
    }
    await bed.untilReady();
    const next = await snapshots.takeWhole(task, { bucketPrefix: 'elsewhere' });
    expect(await snapshots.faultsOf(next)).toEqual([]);
    await eventually(async () => {
      const { stored, complete } = await snapshots.kept(task);
      return stored === complete && complete > other.complete;
    }, PATIENCE);
  });

  it('are not begun with when their list was altered in the store, and the task says so', async () => {
    const { platform } = snapshots.bed;
    const { id } = await snapshots.takeWhole(task);
    const { parts } = await call<ListedSnapshot>(platform, 'GET', `/fornax/v1/snapshots/${id}`);
    expect(parts).toMatchObject([{ instance: 0, manifest: expect.any(String) }]);
    await alter(platform.dataDir, id);
    const files = await fetch(`${platform.apiUrl}/fornax/v1/tasks/${task.uuid}/snapshots/${id}/files`, {
      headers: { authorization: platform.token },
    });
    expect([files.status, await files.text()]).toEqual([
      409,
      expect.stringMatching(/is damaged|not the one that the event log names/),
    ]);
    const ended = (uuid: string): Promise<TaskView> =>
      eventually(async () => {
        const view = await call<TaskView>(platform, 'GET', `/tasks/${uuid}`);
        return ['Success', 'Failure', 'Cancelled'].includes(view.state) && view;
      }, PATIENCE);
    await fetch(`${platform.apiUrl}/tasks/${task.uuid}/abort`, {
      method: 'POST',
      headers: { authorization: platform.token },
    });
    expect((await ended(task.uuid)).state).toBe('Cancelled');
    const { uuid } = await call<{ readonly uuid: string }>(platform, 'POST', `/tasks/${task.uuid}/resume`, {
      fornax: { resumeFromSnapshot: id },
    });
    expect(await ended(uuid)).toMatchObject({
      state: 'Failure',
      errors: [
        {
          code: 'FX-SNAPSHOT',
          message: expect.stringMatching(new RegExp(`${id}: its manifest (was altered|cannot be read)`)),
        },
      ],
    });
  });

  it('leave a log and projections without a fault', async () => {
    expect(await auditFaults(snapshots.bed.platform)).toEqual([]);
    expect(await projectionFaults(snapshots.bed.platform)).toEqual([]);
  });
});

interface TaskView {
  readonly state: string;
  readonly errors: readonly { readonly code: string; readonly message: string }[];
}

/** Gives the list of files of a snapshot another size of a file, behind the storage's back. */
const alter = async (dataDir: string, snapshotId: string): Promise<void> => {
  const entries = await readdir(join(dataDir, 'objects'), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const text = await readFile(path, 'latin1');
    const at = text.indexOf(`"size":${BIG_BYTES}`);
    if (at === -1 || !text.includes(`"snapshotId":"${snapshotId}"`)) continue;
    const file = await open(path, 'r+');
    try {
      await file.write('2', at + '"size":'.length);
    } finally {
      await file.close();
    }
    return;
  }
  throw new Error(`there is no list of the files of ${snapshotId}`);
};
