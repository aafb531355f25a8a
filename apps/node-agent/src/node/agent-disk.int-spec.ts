import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { eventually } from '@fornax/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { AgentRig, levelsHere } from './agent-rig.fixture.js';
import { aLeaseOrder } from './agent.fixture.js';

const results = { bucket: 'results', prefix: 'r/', whitelist: null, blacklist: null };

const overItsLimit = (message: RegExp) => ({
  outcome: 'failure',
  cause: 'limit',
  uploadedFiles: 0,
  error: { code: 'FX-DISK-LIMIT', message: expect.stringMatching(message) },
});

describe.each(await levelsHere())('the disk of instances at level %s', (level) => {
  let rig: AgentRig;
  beforeAll(async () => {
    rig = await AgentRig.open(level);
  }, 120_000);
  afterAll(() => rig.close());
  beforeEach(() => rig.startAgent(), 30_000);
  afterEach(() => rig.closeAgent());

  it('ends who fills its disk, deleted files counted too, and has the room back at once', async () => {
    const files = (): Promise<string[]> => readdir(join(rig.workDir, 'instances')).catch((): string[] => []);
    rig.shortage = async () =>
      (await files()).includes('hog') && rig.platform.kindsOf('hog').includes('started') ? 30e6 : 0;
    try {
      const write = 'head -c 20000000 /dev/zero | tr "\\0" x';
      const hog = `sh -c 'exec 3>hidden; rm hidden; ${write} >&3; ${write} > kept; sleep 600'`;
      await rig.platform.order(
        aLeaseOrder('small', "sh -c 'echo small > small; sleep 600'"),
        aLeaseOrder('hog', hog, { results }),
      );
      expect(await rig.ended('hog', 40_000)).toMatchObject({
        outcome: 'failure',
        cause: 'platform',
        uploadedFiles: 0,
        error: { code: 'FX-DISK-FULL', message: expect.stringMatching(/took [34]\d MB/) },
      });
      await eventually(async () => !(await files()).includes('hog'));
      expect(rig.platform.kindsOf('small')).toEqual(['started']);
    } finally {
      rig.shortage = () => Promise.resolve(0);
    }
  }, 60_000);

  it('ends who has more on its disk than one instance may, in bytes or in files, as a limit that says how much', async () => {
    const many = 'python3 -c \'import time\nfor i in range(3500): open(str(i), "w")\ntime.sleep(600)\'';
    // Twice as many bytes, and so twice as many files.
    await rig.platform.order(aLeaseOrder('promised', many, { diskMB: 800 }));
    for (const [lease, command, message] of [
      [
        'bytes',
        "sh -c 'head -c 500000000 /dev/zero > /tmp/much; sleep 600'",
        /^The instance was ended: its files took \d+ MB, and it may have 400 MB$/,
      ],
      [
        'files',
        'python3 -c \'import time\nfor i in range(4000): open(str(i), "w")\ntime.sleep(600)\'',
        /^The instance was ended: it had \d+ files and folders, and may have 3000$/,
      ],
    ] as const) {
      // One after the other: the node has no cores for more, and gives back what would wait.
      await rig.platform.order(aLeaseOrder(lease, command, { results }));
      expect(await rig.ended(lease, 60_000)).toMatchObject(overItsLimit(message));
    }
    const left = (): Promise<string[]> => readdir(join(rig.workDir, 'instances')).catch((): string[] => []);
    await eventually(async () => (await left()).every((name) => name === 'promised'), { timeoutMs: 30_000 });
    expect(rig.platform.kindsOf('promised')).toEqual(['started']);
  }, 150_000);

  it.each([
    ['bytes', 'fallocate -l 500M much', /^The instance was ended: its files took 5\d\d MB, and it may have 400 MB$/],
    [
      'files',
      'python3 -c \'for i in range(4000): open(str(i), "w")\'',
      /^The instance was ended: it had \d+ files and folders, and may have 3000$/,
    ],
  ])(
    'stores nothing of who wrote more %s than it may right before its end',
    async (lease, command, message) => {
      await rig.platform.order(aLeaseOrder(lease, command, { results }));
      expect(await rig.ended(lease, 60_000)).toMatchObject(overItsLimit(message));
    },
    70_000,
  );

  it.each([
    ['holes', 'truncate -s 5T sparse'],
    ['links', 'fallocate -l 300M much; ln much again'],
  ])(
    'stores nothing of results that hold more than the instance may have, in %s too',
    async (lease, command) => {
      await rig.platform.order(aLeaseOrder(lease, `sh -c '${command}'`, { results }));
      expect(await rig.ended(lease, 60_000)).toMatchObject(overItsLimit(/^The results were not stored: .*400 MB$/));
      expect([...rig.objects.objects.keys()].filter((path) => path.startsWith('results/'))).toEqual([]);
    },
    70_000,
  );

  it('blames the platform when results cannot be stored', async () => {
    await rig.closeAgent();
    rig.patienceMs = 1;
    await rig.startAgent();
    rig.patienceMs = undefined;
    rig.objects.failures = 1_000;
    await rig.platform.order(
      aLeaseOrder('down', 'touch x', { results: { bucket: 'out', prefix: null, whitelist: null, blacklist: null } }),
    );
    expect(await rig.ended('down', 90_000)).toMatchObject({
      outcome: 'failure',
      cause: 'platform',
      error: { message: expect.stringContaining('did not take the results') },
    });
    rig.objects.failures = 0;
  }, 150_000);
});
