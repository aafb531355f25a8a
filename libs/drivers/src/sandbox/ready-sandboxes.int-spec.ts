import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

import { eventually } from '@fornax/testing';
import { provideBusybox } from '@fornax/testing/registry';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { InstanceSpec, PreparedInstance } from '../driver/driver.js';
import { openDriver, type OpenDriver, openLevels, testsOf } from './driver.fixture.js';
import { startTimeOf } from '../process/proc.js';
import { isRoot } from './level.js';

const SLOW_MS = 60_000;

const childrenOf = async (pid: number): Promise<readonly number[]> => {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return children.split(' ').filter(Boolean).map(Number);
};

/** The process below this one that has its system calls filtered, and what the kernel says of it. */
const waitingBelow = async (pid: number): Promise<readonly [pid: number, status: string] | undefined> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  if (/^Seccomp:\s2$/m.test(status)) return [pid, status];
  for (const child of await childrenOf(pid)) {
    const found = await waitingBelow(child);
    if (found) return found;
  }
  return undefined;
};

const LEVELS = await openLevels(['bubblewrap', 'unshare', 'process']);
afterAll(() => Promise.all(LEVELS.map(([, open]) => open?.close())), SLOW_MS);

describe.each(LEVELS)('a sandbox that was made before it was needed, at level %s', (level, opened) => {
  const here = testsOf(opened);
  const isolated: typeof here = level === 'process' ? () => undefined : here;
  let number = 0;
  beforeAll(async () => {
    // The first one is made when it is asked for, and another for whoever comes next.
    await opened?.run(['/bin/true']);
  }, SLOW_MS);

  const prepare = (of: OpenDriver, spec: Partial<InstanceSpec> = {}): Promise<PreparedInstance> =>
    of.driver.prepare({ id: `ready-${basename(of.dataDir)}-${(number += 1)}`, cores: 1, memoryMB: 512, ...spec });
  const isReady = ({ jobDir }: PreparedInstance): boolean =>
    dirname(jobDir).split('/').at(-1)?.startsWith('+') === true;
  /** It writes down which process it is as the first thing that it does, but that may still be to come. */
  const firstProcess = async ({ jobDir }: PreparedInstance): Promise<number> => {
    for (;;) {
      const text = await readFile(join(dirname(jobDir), 'pid'), 'utf8').catch(() => '');
      const [pid = '', startTime] = text.split(' ');
      if (startTime !== undefined) return Number(pid);
      await new Promise(setImmediate);
    }
  };
  const run = async (of: OpenDriver, prepared: PreparedInstance, script: string) => {
    const instance = await prepared.start({
      argv: ['/bin/sh', '-c', script],
      env: { PATH: of.facts.path, WHO: 'it is me' },
    });
    const [out, err, exit] = await Promise.all([text(instance.stdout), text(instance.stderr), instance.exit]);
    return { out, err, ...exit };
  };

  // An agent that is no root needs the process that keeps the root file system (heldByProcess).
  (isRoot() ? here : testsOf<OpenDriver>(undefined))(
    'is made, and the next ones, when every process that only keeps something for the agent was killed',
    async (open) => {
      for (const pid of await childrenOf(process.pid)) {
        const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
        if (command.includes(open.dataDir) && command.includes('/bin/sh')) process.kill(pid, 'SIGKILL');
      }
      const seen = [];
      // The first one was made before.
      for (const _ of [1, 2, 3]) seen.push((await open.run(['/bin/echo', 'it is me'])).out);
      expect(seen).toEqual(Array(3).fill('it is me\n'));
    },
    SLOW_MS,
  );
  here(
    'runs one command, with its files and its environment, and is gone afterwards',
    async (open) => {
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

  here(
    "is nobody else's: two at once share neither user nor folder",
    async (open) => {
      const both = await Promise.all([prepare(open), prepare(open)]);
      const users = await Promise.all(both.map((prepared) => run(open, prepared, 'id -u; echo mine > mine; ls')));
      const [first, second] = users.map(({ out }) => out.split('\n'));
      expect([first?.[1], second?.[1]]).toEqual(['mine', 'mine']);
      if (isRoot()) expect(first?.[0]).not.toBe(second?.[0]);
      await Promise.all(both.map((prepared) => prepared.dispose()));
    },
    SLOW_MS,
  );

  here(
    'is not used for another size',
    async (open) => {
      const prepared = await prepare(open, { memoryMB: 300 });
      expect(isReady(prepared)).toBe(false);
      await prepared.dispose();
    },
    SLOW_MS,
  );

  here(
    'is made anew when somebody ended it while it waited',
    async (open) => {
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

  here(
    'holds what is to be the command, with its user and its filter, and is made anew when that was ended',
    async (open) => {
      await open.run(['/bin/true']);
      const prepared = await prepare(open);
      expect(isReady(prepared)).toBe(true);
      const first = await firstProcess(prepared);
      const [pid, status] = await eventually(() => waitingBelow(first));
      expect(status).toMatch(/^NoNewPrivs:\s1$/m);
      if (isRoot()) expect(status).not.toMatch(/^Uid:.*\s0(\s|$)/m);
      process.kill(pid, 'SIGKILL');
      await eventually(async () => !(await readdir('/proc')).includes(String(first)));
      expect(await run(open, prepared, 'echo "$WHO"')).toMatchObject({ out: 'it is me\n', exitCode: 0 });
      await prepared.dispose();
    },
    SLOW_MS,
  );

  here(
    'is made anew when it was stopped, so that it does not answer',
    async (open) => {
      await open.run(['/bin/true']);
      const prepared = await prepare(open);
      expect(isReady(prepared)).toBe(true);
      const first = await firstProcess(prepared);
      const [waiting] = await eventually(() => waitingBelow(first));
      process.kill(waiting, 'SIGSTOP');
      expect(await run(open, prepared, 'echo "$WHO"')).toMatchObject({ out: 'it is me\n', exitCode: 0 });
      await prepared.dispose();
    },
    SLOW_MS,
  );

  here(
    'tells the end of its command although somebody stopped its first process',
    async (open) => {
      const prepared = await prepare(open);
      const first = await firstProcess(prepared);
      const running = await prepared.start({
        argv: ['/bin/sh', '-c', 'echo up; until [ -e go ]; do sleep 0.02; done; exit 3'],
        env: { PATH: open.facts.path },
      });
      running.stderr.resume();
      await once(running.stdout, 'data');
      // Where there is one of its own inside, which tells the end, that one as well.
      const inside = level === 'process' ? [] : await childrenOf(first);
      for (const pid of [first, ...inside]) process.kill(pid, 'SIGSTOP');
      await writeFile(join(prepared.jobDir, 'go'), '');
      expect(await running.exit).toMatchObject({ kind: 'exited', exitCode: 3 });
      await prepared.dispose();
    },
    SLOW_MS,
  );

  isolated(
    'has a first process that nobody inside can stop, and ends when it is killed though somebody outside did',
    async (open) => {
      // All that it may signal: whoever is first in a namespace of processes hears nothing from inside that it does not want to.
      const inside = await prepare(open);
      expect(await run(open, inside, 'sleep 600 & kill -STOP 1; kill -STOP -1; kill -TSTP 1; exit 3')).toMatchObject({
        kind: 'exited',
        exitCode: 3,
      });
      await inside.dispose();
      const prepared = await prepare(open);
      const first = await firstProcess(prepared);
      const running = await prepared.start({
        argv: ['/bin/sh', '-c', 'echo up; exec sleep 600'],
        env: { PATH: open.facts.path },
      });
      running.stderr.resume();
      await once(running.stdout, 'data');
      const below = await childrenOf(first);
      const all = [...below, ...(await Promise.all(below.map(childrenOf))).flat()];
      expect(all.length).toBeGreaterThanOrEqual(2);
      for (const pid of all) process.kill(pid, 'SIGSTOP');
      running.kill();
      expect(await running.exit).toMatchObject({ kind: 'killed' });
      await prepared.dispose();
      // Who is the last to reap them is not ours to say.
      await eventually(async () =>
        (await Promise.all(all.map((pid) => startTimeOf(pid)))).every((time) => time === undefined),
      );
    },
    SLOW_MS,
  );

  isolated(
    'of an image begins with the image, is for where the last one began, and goes when the image does',
    async (open) => {
      const root = join(open.dataDir, 'image');
      await mkdir(join(root, 'bin'), { recursive: true });
      await mkdir(join(root, 'app'));
      await copyFile(await provideBusybox(), join(root, 'bin/sh'));
      await writeFile(join(root, 'app/mark'), 'of the image\n');
      const seen: unknown[] = [];
      for (const directory of ['/app', '/app', '/bin', '/app']) {
        const prepared = await prepare(open, { root });
        const script = 'pwd; read -r line < /app/mark; echo "$line"; echo changed 2>/dev/null > /app/mark';
        const running = await prepared.start({ argv: ['/bin/sh', '-c', script], env: {}, directory });
        const [out] = await Promise.all([text(running.stdout), running.exit]);
        seen.push([isReady(prepared), out]);
        await prepared.dispose();
      }
      expect(seen).toEqual([
        [false, '/app\nof the image\n'],
        [true, '/app\nof the image\n'],
        [true, '/bin\nof the image\n'],
        [true, '/app\nof the image\n'],
      ]);
      await open.driver.forget(root);
      const after = await prepare(open, { root });
      expect(isReady(after)).toBe(false);
      await after.dispose();
      await open.driver.forget(root);
      // What was ready for the machine's files is ready still.
      const plain = await prepare(open);
      expect(isReady(plain)).toBe(true);
      await plain.dispose();
    },
    SLOW_MS,
  );

  here(
    'has a name that no other agent of this machine uses: what one ends is nothing of the other',
    async () => {
      // Alike in all that they did before.
      const both = await Promise.all([openDriver(level), openDriver(level)]);
      const [one, other] = both;
      if (!one || !other) throw new Error(`level ${level} is gone`);
      try {
        await Promise.all([one, other].map((of) => of.run(['/bin/true'])));
        const [mine, theirs] = await Promise.all([prepare(one), prepare(other)]);
        expect(isReady(mine) && isReady(theirs)).toBe(true);
        const stays = await theirs.start({ argv: ['/bin/sleep', '600'], env: {} });
        expect(await run(one, mine, 'echo "$WHO"')).toMatchObject({ exitCode: 0 });
        await mine.dispose();
        stays.terminate();
        // Not killed by the other one's end, but ended by what it was told.
        expect(await stays.exit).toMatchObject({ kind: 'exited', signal: 'SIGTERM' });
        await theirs.dispose();
      } finally {
        await Promise.all(both.map((of) => of?.close()));
      }
    },
    SLOW_MS,
  );

  here(
    'goes with its driver',
    async () => {
      const other = await openDriver(level);
      if (!other) throw new Error(`level ${level} is gone`);
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

(isRoot() && LEVELS.some(([level, open]) => level === 'bubblewrap' && open) ? it : it.skip)(
  'leave the last user ids to instances that are there',
  async () => {
    // As many ids as instances run at once, and no more.
    const userIds = { first: 264_000, last: 264_001 };
    const userIdsDir = await mkdtemp(join(tmpdir(), 'fornax-few-ids-'));
    const open = await openDriver('bubblewrap', { ready: 2, userIds, userIdsDir });
    try {
      if (!open) throw new Error('level bubblewrap is gone');
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
