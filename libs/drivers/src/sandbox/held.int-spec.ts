import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { eventually } from '@fornax/testing';
import { afterAll, describe, expect } from '@jest/globals';

import type { PreparedInstance, RunningInstance } from '../driver/driver.js';
import { openLevels, testsOf } from './driver.fixture.js';

const LEVELS = await openLevels(['bubblewrap', 'unshare', 'process'], { network: 'host' });
afterAll(() => Promise.all(LEVELS.map(([, opened]) => opened?.close())));

/** Counts in a file, in two processes, and each signal that it handles in another one. */
const COUNTING = `
import os, signal, sys, time
told = 0
def tell(*_):
    global told
    told += 1
    open('told', 'w').write(str(told))
if 'deaf' not in sys.argv:
    signal.signal(signal.SIGUSR1, tell)
name = 'b' if os.fork() == 0 else 'a'
n = 0
while True:
    n += 1
    with open(name + '.next', 'w') as out: out.write(str(n))
    os.rename(name + '.next', name)
    time.sleep(0.002)
`;

describe.each(LEVELS)('the processes of an instance of level %s', (level, opened) => {
  const here = testsOf(opened);
  let number = 0;

  const withRunning = async (
    command: readonly [string, ...string[]],
    work: (running: RunningInstance, prepared: PreparedInstance) => Promise<void>,
  ): Promise<void> => {
    if (!opened) return;
    const prepared = await opened.driver.prepare({
      id: `held-${level}-${(number += 1)}-${process.pid}`,
      cores: 1,
      memoryMB: 512,
    });
    try {
      const running = await prepared.start({ argv: command, env: { PATH: '/usr/bin:/bin' } });
      running.stdout.resume();
      running.stderr.resume();
      await work(running, prepared);
      running.kill();
      await running.exit;
    } finally {
      await prepared.dispose();
    }
  };
  const counts = async ({ jobDir }: PreparedInstance): Promise<readonly number[]> =>
    Promise.all(['a', 'b'].map(async (name) => Number(await readFile(join(jobDir, name), 'utf8').catch(() => '0'))));
  const bothCount = (prepared: PreparedInstance, from: readonly number[] = [0, 0]): Promise<unknown> =>
    eventually(async () => (await counts(prepared)).every((count, at) => count > (from[at] ?? 0)), {
      timeoutMs: 30_000,
    });
  const python = (...args: readonly string[]): readonly [string, ...string[]] => ['python3', '-c', COUNTING, ...args];
  /** A quarter of a second in which something would have happened: the counters step each two milliseconds. */
  const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 250));

  here('stand still together, and go on when they are let go', () =>
    withRunning(python(), async (running, prepared) => {
      await bothCount(prepared);
      expect(await running.freeze(60_000)).toBe(true);
      const held = await counts(prepared);
      await aWhile();
      expect(await counts(prepared)).toEqual(held);
      running.thaw();
      await bothCount(prepared, held);
    }),
  );

  here('go on by themselves when nobody lets them go', () =>
    withRunning(python(), async (running, prepared) => {
      await bothCount(prepared);
      expect(await running.freeze(1_000)).toBe(true);
      const held = await counts(prepared);
      await bothCount(prepared, held);
    }),
  );

  here('are ended while they stand still, by either signal', async () => {
    for (const end of ['terminate', 'kill'] as const)
      await withRunning(python(), async (running, prepared) => {
        await bothCount(prepared);
        expect(await running.freeze(60_000)).toBe(true);
        running[end]();
        const exit = await running.exit;
        expect(exit.kind).toBe(end === 'kill' ? 'killed' : 'exited');
        expect(await running.freeze(1_000)).toBe(false);
        expect(await running.tell('USR1')).toBe(0);
      });
  });

  here('stand still while they fork as fast as they can', () =>
    withRunning(['/bin/sh', '-c', 'while :; do (echo x >> forks) & wait; done'], async (running, { jobDir }) => {
      const size = async (): Promise<number> => (await readFile(join(jobDir, 'forks')).catch(() => '')).length;
      await eventually(async () => (await size()) > 20);
      expect(await running.freeze(60_000)).toBe(true);
      const held = await size();
      await aWhile();
      expect(await size()).toBe(held);
      running.thaw();
      await eventually(async () => (await size()) > held);
    }),
  );

  here('get a signal if they handle it, and are left alone if they do not', async () => {
    await withRunning(['/bin/sh', '-c', 'python3 -c "$1" & wait', 'sh', COUNTING], async (running, prepared) => {
      await bothCount(prepared);
      // Not the shell, which it would end.
      expect(await running.tell('USR1')).toBe(2);
      await eventually(async () => (await readFile(join(prepared.jobDir, 'told'), 'utf8').catch(() => '')) !== '');
      await bothCount(prepared, await counts(prepared));
    });
    await withRunning(python('deaf'), async (running, prepared) => {
      await bothCount(prepared);
      expect(await Promise.all([running.tell('USR1'), running.tell('NONE'), running.tell('HUP')])).toEqual([0, 0, 0]);
      await bothCount(prepared, await counts(prepared));
    });
  });
});
