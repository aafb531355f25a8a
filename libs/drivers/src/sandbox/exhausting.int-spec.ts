import { text } from 'node:stream/consumers';

import { afterAll, describe, expect } from '@jest/globals';

import { openLevels, testsOf } from './driver.fixture.js';

const MOST = 40;
const LEVELS = await openLevels(['bubblewrap', 'unshare', 'process'], { maxProcesses: MOST, ready: 0 });
afterAll(() => Promise.all(LEVELS.map(([, opened]) => opened?.close())));

/** Forks until it may not, and says why not and how many there are. */
const BOMB = `
import errno, os, signal
count = 0
try:
    while True:
        if os.fork() == 0: signal.pause()
        count += 1
except OSError as error: print(errno.errorcode[error.errno], count < ${MOST} and count > ${MOST / 2})
`;

describe.each(LEVELS)('an instance that takes what it can get, at level %s', (level, opened) => {
  const here = testsOf(opened);
  const counted = testsOf(opened?.facts.limits.includes('pids') ? opened : undefined);

  counted('has as many processes as it may, and no more; another one has its own', async ({ run }) => {
    const seen = await Promise.all([run(['python3', '-c', BOMB]), run(['python3', '-c', BOMB])]);
    expect(seen.map(({ out, exitCode }) => ({ out, exitCode }))).toEqual([
      { out: 'EAGAIN True\n', exitCode: 0 },
      { out: 'EAGAIN True\n', exitCode: 0 },
    ]);
  });

  // Of an ordinary user without control groups all instances together are bounded, and what that user runs besides counts.
  testsOf(level === 'process' || opened?.facts.limits.includes('pids') === true ? undefined : opened)(
    'has no more processes than the node has room for, where nothing bounds its own',
    async ({ run }) => {
      const { out, exitCode } = await run(['python3', '-c', BOMB.replace(/count < .*\)/, 'count < 4_000)')]);
      expect({ out, exitCode }).toEqual({ out: 'EAGAIN True\n', exitCode: 0 });
    },
  );

  here('is ended when a file that is only memory holds more than it may', async ({ run }) => {
    const fill =
      'import os, time; f = os.memfd_create("x"); [os.write(f, bytes(1 << 20)) for _ in range(400)]; time.sleep(60)';
    expect(await run(['python3', '-c', fill], {}, { memoryMB: 128 })).toMatchObject({ kind: 'out-of-memory' });
  });

  here('is not ended for what its processes share', async ({ run }) => {
    const share =
      'import os, time\nx = bytearray(20 << 20)\nfor _ in range(20):\n  if os.fork() == 0: time.sleep(2); os._exit(0)\nfor _ in range(20): os.wait()';
    expect(await run(['python3', '-c', share], {}, { memoryMB: 256 })).toMatchObject({ kind: 'exited', exitCode: 0 });
  });

  here('takes no room with a file that is large by its length only', async ({ driver, facts }) => {
    const prepared = await driver.prepare({ id: 'sparse', cores: 1, memoryMB: 256 });
    const script =
      'import os; os.truncate(os.open("large", os.O_RDWR | os.O_CREAT), 1 << 40); print(os.stat("large").st_size >> 40)';
    const running = await prepared.start({ argv: ['python3', '-c', script], env: { PATH: facts.path } });
    const [out] = await Promise.all([text(running.stdout), text(running.stderr), running.exit]);
    expect({ out, isSmall: (await prepared.diskBytes()) < 1_000_000 }).toEqual({ out: '1\n', isSmall: true });
    await prepared.dispose();
  });
});
