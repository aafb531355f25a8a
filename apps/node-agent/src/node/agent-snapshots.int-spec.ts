import { createHash } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { SnapshotReport } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { AgentRig } from './agent-rig.fixture.js';
import { aLeaseOrder } from './agent.fixture.js';

let rig: AgentRig;
beforeAll(async () => {
  rig = await AgentRig.open();
}, 120_000);
afterAll(() => rig.close());

describe('snapshots of a running instance', () => {
  beforeEach(() => rig.startAgent(), 30_000);
  afterEach(() => rig.closeAgent());

  /** Runs a command until it has made `up`. */
  const run = async (leaseId: string, command: string): Promise<void> => {
    await rig.platform.order(aLeaseOrder(leaseId, command));
    const job = join(rig.workDir, 'instances', leaseId, 'job');
    await eventually(async () => (await readdir(job).catch((): string[] => [])).includes('up'), { timeoutMs: 30_000 });
  };
  const snapshot = async (
    leaseId: string,
    snapshotId: string,
  ): Promise<Exclude<SnapshotReport, { kind: 'progress' }>> => {
    const order = { kind: 'snapshot', taskId: 'task-1', instance: 0, bucket: 'snaps', prefix: null } as const;
    await rig.platform.order({ ...order, snapshotId, leaseId, whitelist: null, blacklist: '^up$' });
    return eventually(
      () =>
        rig.platform.snapshotReports.find(
          (report): report is Exclude<SnapshotReport, { kind: 'progress' }> =>
            report.snapshotId === snapshotId && report.kind !== 'progress',
        ),
      { timeoutMs: 60_000 },
    );
  };
  const storedNames = (): readonly string[] => [...rig.objects.objects.keys()].sort();

  it.each([
    ['holes', 'truncate -s 5T sparse'],
    ['links', 'fallocate -l 300M much; ln much again'],
  ])(
    'store nothing of what holds more than the instance may have, in %s too, and leave it running',
    async (lease, command) => {
      await run(lease, `sh -c '${command}; touch up; exec sleep 60'`);
      expect(await snapshot(lease, `of-${lease}`)).toMatchObject({
        kind: 'failed',
        reason: expect.stringMatching(/^The snapshot was not stored: its files hold \d+ MB, .*400 MB$/),
      });
      expect(storedNames()).toEqual([]);
      expect(rig.platform.kindsOf(lease)).toEqual(['started']);
    },
    90_000,
  );

  it('wait for the platform where it goes away after it has sent their order', async () => {
    await run('away', "sh -c 'echo 1 > kept; touch up; exec sleep 60'");
    const back = rig.platform.silence('snapshot-grant');
    const taken = snapshot('away', 'of-away');
    const again = setTimeout(back, 2_000);
    expect(await taken).toMatchObject({ kind: 'uploaded', files: 1 });
    clearTimeout(again);
  }, 60_000);

  it('store nothing of a file that grows beyond it once it was listed', async () => {
    await run(
      'grows',
      `sh -c 'echo x > a; echo x > grows; touch up; until [ -e go ]; do sleep 0.02; done; truncate -s 5T grows; echo > grown; exec sleep 60'`,
    );
    const job = join(rig.workDir, 'instances', 'grows', 'job');
    // What was listed is stored together, as small files, and fails; it is looked at again one by one.
    let has = false;
    rig.objects.arriving = async () => {
      if (has) return;
      has = true;
      await writeFile(join(job, 'go'), '');
      await eventually(async () => (await readdir(job)).includes('grown'));
    };
    rig.objects.refuses = (request) => (request.includes('fornax') ? [501, 'NotImplemented', 'not here'] : undefined);
    try {
      expect(await snapshot('grows', 'grown')).toMatchObject({
        kind: 'failed',
        reason: expect.stringMatching(/^The snapshot was not stored: /),
      });
    } finally {
      rig.objects.arriving = undefined;
      rig.objects.refuses = undefined;
    }
    expect(storedNames().filter((path) => path.endsWith('grows'))).toEqual([]);
  }, 90_000);

  it('hold each file as it was at one moment, or tell of it, while the instance writes, removes and replaces them', async () => {
    const writer = `
import fcntl, os
size = 3_000_000
open('steady', 'w').write('steady' * 50_000)
open('kept', 'w').write('kept')
fds = {name: os.open(name, os.O_CREAT | os.O_RDWR) for name in ('flips', 'shrinks')}
held = os.open('held', os.O_CREAT | os.O_RDWR)
os.write(held, b'held')
os.close(held)
held = os.open('held', os.O_RDWR)
fcntl.fcntl(held, fcntl.F_SETLEASE, fcntl.F_WRLCK)
import signal
signal.signal(signal.SIGIO, signal.SIG_IGN)
turn = 0
while True:
    turn += 1
    letter = b'ab'[turn % 2:turn % 2 + 1]
    os.pwrite(fds['flips'], letter * size, 0)
    os.ftruncate(fds['shrinks'], turn % 7 * 300_000)
    open('next', 'wb').write(letter * 400_000)
    os.rename('next', 'swapped')
    os.symlink('/etc/hostname', 'link')
    os.rename('link', 'turns')
    open('file', 'wb').write(b'mine' * 30_000)
    os.rename('file', 'turns')
    open('comes', 'wb').write(b'x' * 70_000)
    os.unlink('comes')
    if turn == 20: open('up', 'w').close()
`;
    rig.objects.objects.set('in/writer.py', Buffer.from(writer));
    await rig.platform.order(aLeaseOrder('churn', 'python3 writer.py', { resources: [{ bucket: 'in' }] }));
    const job = join(rig.workDir, 'instances', 'churn', 'job');
    await eventually(async () => (await readdir(job).catch((): string[] => [])).includes('up'), { timeoutMs: 30_000 });
    for (let turn = 1; turn <= 4; turn += 1) {
      for (const path of storedNames()) if (path.startsWith('snaps/')) rig.objects.objects.delete(path);
      const report = await snapshot('churn', `churn-${turn}`);
      const stored = new Map(
        [...rig.objects.objects].flatMap(([path, bytes]) =>
          path.startsWith('snaps/') ? [[path.slice('snaps/'.length), bytes] as const] : [],
        ),
      );
      expect(report).toMatchObject({
        kind: 'uploaded',
        files: stored.size,
        bytes: [...stored.values()].reduce((sum, { length }) => sum + length, 0),
      });
      expect([stored.get('steady')?.length, stored.get('kept')?.toString()]).toEqual([300_000, 'kept']);
      const kinds = (path: string): number => new Set(stored.get(path)).size;
      // Whoever reads while it is written gets some of each letter.
      expect(kinds('flips')).toBeLessThan(2);
      expect(kinds('swapped')).toBeLessThan(2);
      for (const path of ['turns', 'comes']) expect([undefined, 120_000, 70_000]).toContain(stored.get(path)?.length);
      const hash = (bytes: string): string => createHash('md5').update(bytes).digest('hex');
      if (stored.has('turns')) expect(hash(String(stored.get('turns')))).toBe(hash('mine'.repeat(30_000)));
    }
    expect(rig.platform.kindsOf('churn')).toEqual(['started']);
  }, 180_000);
});
