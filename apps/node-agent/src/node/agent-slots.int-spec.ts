import type { LeaseOrder } from '@fornax/contracts';
import { eventually } from '@fornax/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { AgentRig, levelsHere } from './agent-rig.fixture.js';
import { aLeaseOrder } from './agent.fixture.js';

const results = { bucket: 'out', prefix: null, whitelist: null, blacklist: null };
const LEVELS = await levelsHere();
/** How instances get the files of their slot: with and without layers, wherever the machine permits them. */
type Way = readonly [level: (typeof LEVELS)[number], mayLayOver: boolean];
const WAYS = LEVELS.flatMap((level): readonly Way[] => {
  const copies: Way = [level, false];
  return level === 'unshare' ? [[level, true], copies] : [copies];
});

describe.each(WAYS)('instances in a slot, at level %s, laid over it: %s', (level, mayLayOver) => {
  let rig: AgentRig;
  beforeAll(async () => {
    rig = await AgentRig.open(level);
    rig.mayLayOver = mayLayOver;
  }, 120_000);
  afterAll(() => rig.close());
  beforeEach(() => rig.startAgent(), 30_000);
  afterEach(() => rig.closeAgent());

  const openSlot = async (command: string, more: Partial<LeaseOrder> = {}): Promise<void> => {
    const slot = { prepares: true, instances: 2 };
    await rig.platform.order(aLeaseOrder('slot', command, { slot, cores: 2, memoryMB: 1_024, ...more }));
    await eventually(() => rig.platform.kindsOf('slot').includes('started') || undefined);
  };
  const inSlot = (id: string, script: string, more: Partial<LeaseOrder> = {}): LeaseOrder =>
    aLeaseOrder(id, `sh -c '${script}'`, {
      taskId: `of-${id}`,
      inSlot: 'slot',
      results: { ...results, prefix: `${id}/` },
      ...more,
    });
  const stored = (id: string): Record<string, string> =>
    Object.fromEntries(
      [...rig.objects.objects]
        .filter(([path]) => path.startsWith(`out/${id}/`))
        .map(([path, data]) => [path.slice(`out/${id}/`.length), data.toString()]),
    );
  const output = async (id: string): Promise<string> => (await rig.platform.output(`of-${id}`, 0, 'stdout')).toString();

  it('give back what they made or changed, and nothing that only lay there, and leave the slot as it was', async () => {
    await openSlot(
      "sh -c 'mkdir -p tree/deep empty full; echo a > tree/a; echo b > tree/deep/b; echo c > full/c; echo d > d; echo e > e; ln -s tree/a to-file; ln -s tree/deep to-folder; ln -s d same'",
    );
    const change =
      'echo changed > tree/a; mkdir new empty/inner; echo n > new/n; rm full/c; rm d; echo d2 > d; mv tree/deep/b tree/deep/moved; chmod 600 e; ln -s full link; echo s > e.new';
    await rig.platform.order(inSlot('change', change));
    expect(await rig.ended('change')).toMatchObject({ outcome: 'success' });
    expect(stored('change')).toEqual({
      'tree/a': 'changed\n',
      'to-file': 'changed\n',
      'empty/inner/': '',
      'new/n': 'n\n',
      d: 'd2\n',
      same: 'd2\n',
      'tree/deep/moved': 'b\n',
      'to-folder/moved': 'b\n',
      'e.new': 's\n',
      // Empty, and new by its name.
      'link/': '',
    });
    await rig.platform.order(inSlot('look', 'find . -type f | sort | xargs tail -n 5; ls empty; find . -name new'));
    expect(await rig.ended('look')).toMatchObject({ outcome: 'success', uploadedFiles: 0 });
    const said = await output('look');
    for (const text of ['==> ./tree/a <==\na\n', '==> ./d <==\nd\n', './tree/deep/b <==\nb\n', './full/c <==\nc\n'])
      expect(said).toContain(text);
    expect(said).not.toMatch(/moved|new/);
  }, 60_000);

  it('run again over the same files when they say that their state is saved', async () => {
    await openSlot("sh -c 'echo a > a'");
    const script = "sh -c 'cat a; echo x >> n; [ $(wc -l < n) -ge 3 ] || exit 85'";
    const constants = { DOCKER_CMD: script, SNAPSHOT_EXIT_CODE: '85' };
    await rig.platform.order(
      inSlot('again', '', { constants: Object.entries(constants).map(([key, value]) => ({ key, value })) }),
    );
    expect(await rig.ended('again')).toMatchObject({ outcome: 'success' });
    expect(stored('again')).toEqual({ n: 'x\nx\nx\n' });
    expect(await output('again')).toBe('a\na\na\n');
  }, 60_000);

  it('give back whole folders that were moved, replaced, or got a new link', async () => {
    await openSlot(
      "sh -c 'mkdir one two three; echo 1 > one/f; echo 2 > two/f; echo 3 > three/f; ln -s one current; ln -s current/f file'",
    );
    await rig.platform.order(
      inSlot(
        'move',
        'mv one moved; mv two one; rm -r three; mkdir three; echo 4 > three/g; ln -s one other; rm current; ln -s moved current',
      ),
    );
    expect(await rig.ended('move')).toMatchObject({ outcome: 'success' });
    expect(stored('move')).toEqual({
      'moved/f': '1\n',
      'one/f': '2\n',
      'three/g': '4\n',
      'other/f': '2\n',
      // To an ordinary user a folder of the slot lies on another file system: mv copies it, and so what its links lead to is new.
      ...(mayLayOver && process.getuid?.() !== 0 ? { 'current/f': '1\n', file: '1\n' } : {}),
    });
  }, 60_000);

  it('see their own inputs first, and new ones of the slot from the next start on', async () => {
    const put = (path: string, text: string): unknown => rig.objects.objects.set(path, Buffer.from(text));
    put('slot/both', 'slot');
    put('slot/only', 'first');
    put('own/both', 'own');
    await openSlot("sh -c 'echo prepared > made'", { resources: [{ bucket: 'slot' }] });
    await rig.platform.order(
      inSlot('runs', 'cat both; until [ -e go ]; do sleep 0.05; done; cat only made', {
        resources: [{ bucket: 'own' }],
      }),
    );
    await eventually(() => rig.platform.kindsOf('runs').includes('started') || undefined);
    put('slot/only', 'second');
    await rig.platform.order({ kind: 'resources', leaseId: 'slot', taskId: 'task-1', update: 1 });
    await eventually(() => rig.platform.kindsOf('slot').includes('refreshed') || undefined);
    await rig.platform.order(inSlot('next', 'cat both only made'));
    expect(await rig.ended('next')).toMatchObject({ outcome: 'success', uploadedFiles: 0 });
    expect(await output('next')).toBe('slotsecondprepared\n');
    // What comes for itself while it runs, it sees.
    put('own/go', '');
    await rig.platform.order({ kind: 'resources', leaseId: 'runs', taskId: 'of-runs', update: 1 });
    expect(await rig.ended('runs')).toMatchObject({ outcome: 'success', uploadedFiles: 0 });
    expect(await output('runs')).toBe('ownfirstprepared\n');
  }, 60_000);

  it('tell why their slot cannot get new resources, and when it has them', async () => {
    rig.objects.objects.set('slot/file', Buffer.from('first'));
    await openSlot('true', { resources: [{ bucket: 'slot' }] });
    rig.objects.refuses = () => [404, 'NoSuchBucket', 'gone'];
    await rig.platform.order({ kind: 'resources', leaseId: 'slot', taskId: 'task-1', update: 1 });
    await eventually(() => rig.platform.kindsOf('slot').includes('refresh-failed') || undefined);
    expect(rig.platform.reports.find(({ kind }) => kind === 'refresh-failed')).toMatchObject({
      update: 1,
      isFinal: false,
      error: { code: 'FX-INPUT', message: 'The bucket slot does not exist any more' },
    });
    rig.objects.refuses = undefined;
    rig.objects.objects.set('slot/file', Buffer.from('second'));
    await eventually(() => rig.platform.kindsOf('slot').includes('refreshed') || undefined);
    await rig.platform.order(inSlot('reads', 'cat file'));
    expect(await rig.ended('reads')).toMatchObject({ outcome: 'success' });
    expect(await output('reads')).toBe('second');
  }, 60_000);

  it('may write to the folders of a slot that only has inputs, without a preparation', async () => {
    rig.objects.objects.set('slot/data/file', Buffer.from('first'));
    await openSlot('true', { slot: { prepares: false, instances: 2 }, resources: [{ bucket: 'slot' }] });
    await rig.platform.order(inSlot('writes', 'cat data/file > data/new && echo more >> data/file'));
    expect(await rig.ended('writes')).toMatchObject({ outcome: 'success' });
    expect(stored('writes')).toEqual({ 'data/new': 'first', 'data/file': 'firstmore\n' });
  }, 60_000);

  const layered = mayLayOver ? it : it.skip;
  layered(
    'keep the files of their slot to their end, also when those fill the disk of the node',
    async () => {
      rig.objects.objects.set('slot/only', Buffer.alloc(1_000_000, 'x'));
      rig.objects.objects.set('own/mine', Buffer.from(''));
      await openSlot('true', { resources: [{ bucket: 'slot' }] });
      await rig.platform.order(
        inSlot('stays', 'until [ -e go ]; do sleep 0.05; done; wc -c < only', { resources: [{ bucket: 'own' }] }),
      );
      await eventually(() => rig.platform.kindsOf('stays').includes('started') || undefined);
      let looks = 0;
      rig.shortage = () => Promise.resolve((looks += 1) <= 2 ? 1 : 0);
      try {
        // It is asked twice, since the cache goes first; and again only when who fills the disk was ended.
        await eventually(() => looks > 3 || undefined);
      } finally {
        rig.shortage = () => Promise.resolve(0);
      }
      rig.objects.objects.set('own/go', Buffer.from(''));
      await rig.platform.order({ kind: 'resources', leaseId: 'stays', taskId: 'of-stays', update: 1 });
      expect(await rig.ended('stays')).toMatchObject({ outcome: 'success' });
      expect(await output('stays')).toBe('1000000\n');
      expect(await rig.ended('slot')).toMatchObject({ outcome: 'failure', error: { code: 'FX-DISK-FULL' } });
    },
    60_000,
  );

  it('have a disk of their own, of which the slot’s files are no part unless they are copies', async () => {
    await openSlot('fallocate -l 300M large');
    await rig.platform.order(inSlot('reads', 'cat large | wc -c; fallocate -l 50M own', { results: null }));
    expect(await rig.ended('reads')).toMatchObject({ outcome: 'success' });
    await rig.platform.order(inSlot('writes', 'fallocate -l 450M own; sleep 30', { results: null }));
    expect(await rig.ended('writes', 30_000)).toMatchObject({ outcome: 'failure', error: { code: 'FX-DISK-LIMIT' } });
  }, 60_000);
});
