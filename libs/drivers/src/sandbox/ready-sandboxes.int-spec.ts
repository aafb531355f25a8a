import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { InstanceSpec, PreparedInstance } from '../driver/driver.js';
import { openDriver, type OpenDriver } from './driver.fixture.js';
import { isRoot, type Level } from './level.js';

const LEVELS: readonly Level['name'][] = ['bubblewrap', 'unshare', 'process'];
const SLOW_MS = 60_000;

describe.each(LEVELS)('a sandbox that was made before it was needed, at level %s', (level) => {
  let open: OpenDriver | undefined;
  let number = 0;
  beforeAll(async () => {
    open = await openDriver(level);
    // The first one is made when it is asked for, and another for whoever comes next.
    await open?.run(['/bin/true']);
  }, SLOW_MS);
  afterAll(() => open?.close(), SLOW_MS);

  const prepare = (of: OpenDriver, spec: Partial<InstanceSpec> = {}): Promise<PreparedInstance> =>
    of.driver.prepare({ id: `ready-${(number += 1)}`, cores: 1, memoryMB: 512, ...spec });
  const isReady = ({ jobDir }: PreparedInstance): boolean =>
    dirname(jobDir).split('/').at(-1)?.startsWith('+') === true;
  const firstProcess = async ({ jobDir }: PreparedInstance): Promise<number> =>
    Number((await readFile(join(dirname(jobDir), 'pid'), 'utf8')).trim().split(' ')[0]);
  const run = async (of: OpenDriver, prepared: PreparedInstance, script: string) => {
    const instance = await prepared.start({
      argv: ['/bin/sh', '-c', script],
      env: { PATH: of.facts.path, WHO: 'it is me' },
    });
    const [out, err, exit] = await Promise.all([text(instance.stdout), text(instance.stderr), instance.exit]);
    return { out, err, ...exit };
  };

  it(
    'runs one command, with its files and its environment, and is gone afterwards',
    async () => {
      if (!open) return;
      const prepared = await prepare(open);
      expect(isReady(prepared)).toBe(true);
      const pid = await firstProcess(prepared);
      await writeFile(join(prepared.jobDir, 'input'), 'brought');
      const seen = await run(open, prepared, 'echo "$WHO, $(cat input)"; echo kept > output; exit 3');
      expect(seen).toMatchObject({ out: 'it is me, brought\n', err: '', kind: 'exited', exitCode: 3 });
      expect(await readFile(join(prepared.jobDir, 'output'), 'utf8')).toBe('kept\n');
      await prepared.dispose();
      await expect(stat(dirname(prepared.jobDir))).rejects.toThrow('ENOENT');
      await expect(stat(`/proc/${pid}`)).rejects.toThrow('ENOENT');
    },
    SLOW_MS,
  );

  it(
    "is nobody else's: two at once share neither user nor folder",
    async () => {
      if (!open) return;
      const both = await Promise.all([prepare(open), prepare(open)]);
      const users = await Promise.all(
        both.map((prepared) => run(open as OpenDriver, prepared, 'id -u; echo mine > mine; ls')),
      );
      const [first, second] = users.map(({ out }) => out.split('\n'));
      expect([first?.[1], second?.[1]]).toEqual(['mine', 'mine']);
      if (isRoot()) expect(first?.[0]).not.toBe(second?.[0]);
      await Promise.all(both.map((prepared) => prepared.dispose()));
    },
    SLOW_MS,
  );

  it(
    'is not used for another size',
    async () => {
      if (!open) return;
      const prepared = await prepare(open, { memoryMB: 300 });
      expect(isReady(prepared)).toBe(false);
      await prepared.dispose();
    },
    SLOW_MS,
  );

  it(
    'is made anew when somebody ended it while it waited',
    async () => {
      if (!open) return;
      await open.run(['/bin/true']);
      const prepared = await prepare(open);
      expect(isReady(prepared)).toBe(true);
      const pid = await firstProcess(prepared);
      process.kill(pid, 'SIGKILL');
      // Until its parent, which is this process, has heard of it.
      while ((await readdir('/proc')).includes(String(pid))) await new Promise((resolve) => setTimeout(resolve, 5));
      expect(await run(open, prepared, 'echo "$WHO"')).toMatchObject({ out: 'it is me\n', exitCode: 0 });
      await prepared.dispose();
    },
    SLOW_MS,
  );

  it(
    'goes with its driver',
    async () => {
      const other = await openDriver(level);
      if (!other) return;
      await other.run(['/bin/true']);
      const prepared = await prepare(other);
      const pid = await firstProcess(prepared);
      const instances = dirname(dirname(prepared.jobDir));
      await prepared.dispose();
      await other.driver.close();
      await expect(stat(`/proc/${pid}`)).rejects.toThrow('ENOENT');
      expect(await readdir(instances).catch(() => [])).toEqual([]);
      await other.close();
    },
    SLOW_MS,
  );
});

it(
  'leave the last user ids to instances that are there',
  async () => {
    // As many ids as instances run at once, and no more.
    const userIds = { first: 264_000, last: 264_001 };
    const userIdsDir = await mkdtemp(join(tmpdir(), 'fornax-few-ids-'));
    const open = isRoot() ? await openDriver('bubblewrap', { ready: 2, userIds, userIdsDir }) : undefined;
    try {
      if (!open) return;
      await open.run(['/bin/true']);
      const one = await open.driver.prepare({ id: 'one', cores: 1, memoryMB: 512 });
      const running = await one.start({ argv: ['/bin/sleep', '600'], env: {} });
      // Another size: none is ready for it, and those that are have the other id.
      expect(await open.run(['/bin/true'], {}, { memoryMB: 256 })).toMatchObject({ kind: 'exited', exitCode: 0 });
      running.kill();
      await one.dispose();
    } finally {
      await open?.close();
      await rm(userIdsDir, { recursive: true, force: true });
    }
  },
  SLOW_MS,
);
