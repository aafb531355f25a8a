import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, startPlatform, type RunningPlatform } from '@fornax/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { atTerminal, typed } from './typed.js';

const SLOW_MS = 300_000;

let platform: RunningPlatform;
let home: string;
beforeAll(async () => {
  platform = await startPlatform();
  home = await mkdtemp(join(tmpdir(), 'fornax-terminal-'));
}, SLOW_MS);
afterAll(async () => {
  await platform.stop();
  await rm(home, { recursive: true, force: true });
});

describe('whoever reads the output goes away', () => {
  it(
    'a command that runs goes on: its results come, and its failure is the exit code',
    async () => {
      const { stdout, stderr } = await typed(
        platform,
        home,
        'pipe',
        // More than a pipe holds, so that the next write finds nobody.
        `fornax run --result ./out -- sh -c 'echo made > made; seq 1 200000; exit 3' | head -1
echo "exit \${PIPESTATUS[0]}"
fornax run -- seq 1 200000 | head -1
echo "exit \${PIPESTATUS[0]}"`,
      );
      expect(stdout).toBe('1\nexit 1\n1\nexit 0\n');
      expect(stderr).toContain('exited with code 3');
      expect(await readFile(join(home, 'pipe/out/made'), 'utf8')).toBe('made\n');
    },
    SLOW_MS,
  );

  it(
    'what only shows ends as programs do whose pipe is closed',
    async () => {
      const { stdout } = await typed(
        platform,
        home,
        'pipe',
        `task=$(fornax task submit -n numbers --command 'seq 1 200000' --wait --quiet)
fornax task logs $task | head -1
echo "exit \${PIPESTATUS[0]}"`,
      );
      expect(stdout).toBe('0> 1\nexit 141\n');
    },
    SLOW_MS,
  );
});

describe('Ctrl-C of a command that runs', () => {
  const started = async (tag: string) => {
    const terminal = await atTerminal(platform, home, `fornax run --tag ${tag} -- sh -c 'echo it is up; sleep 3600'`);
    await eventually(() => terminal.seen().includes('it is up\r\n'));
    terminal.type('\u0003');
    await eventually(() => terminal.seen().includes('Abort the task (a), or detach'));
    return terminal;
  };
  const stateOf = async (tag: string): Promise<string> =>
    (await typed(platform, home, '.', `fornax task list --tag ${tag} --columns state --quiet`)).stdout.trim();

  it(
    'asks, and aborts it',
    async () => {
      const terminal = await started('aborted');
      terminal.type('a\r');
      expect(await terminal.ended).toBe(130);
      await eventually(async () => (await stateOf('aborted')) === 'Cancelled');
    },
    SLOW_MS,
  );

  it.each([
    ['d', 'd\r'],
    ['Ctrl-C once more', '\u0003'],
  ])(
    'asks, and lets it go on after %s',
    async (answer, keys) => {
      const tag = answer.replaceAll(' ', '-');
      const terminal = await started(tag);
      terminal.type(keys);
      expect(await terminal.ended).toBe(130);
      expect(terminal.seen()).toContain('It goes on: fornax task logs');
      expect(await stateOf(tag)).toMatch(/Executing$/);
    },
    SLOW_MS,
  );
});

describe('fornax sync', () => {
  it(
    'makes a bucket what a folder is, and a folder what a bucket is: what differs, modes, and what is too much',
    async () => {
      const { code, stdout, stderr } = await typed(
        platform,
        home,
        'sync',
        `mkdir -p here/sub && echo one > here/one && printf '#!/bin/sh\\n' > here/sub/run && chmod 755 here/sub/run
fornax sync ./here synced/day --dry-run
fornax sync ./here synced/day > /dev/null
rm here/one && echo two > here/two && chmod 644 here/sub/run
fornax sync ./here synced/day --delete --dry-run
fornax sync ./here synced/day --delete | tail -1
fornax ls synced/day --output json | grep -o '"key": "[^"]*"'
mkdir -p there/deep && echo old > there/deep/old
fornax sync synced/day ./there --delete --dry-run
fornax sync synced/day ./there --delete | tail -1
chmod 755 here/sub/run && fornax sync ./here synced/day > /dev/null && fornax sync synced/day ./there > /dev/null
(cd there && find . -type f -perm -u+x -o -name deep -o -name two | sort)
fornax sync synced/day ./there --delete --dry-run
fornax sync synced/none ./there --delete`,
      );
      expect(stdout.split('\n')).toEqual(
        [
          'would store one',
          'would store sub/run',
          'would store sub/run',
          'would store two',
          'would delete one',
          '1 file was deleted in synced/day: not here',
          '"key": "day/sub/run"',
          '"key": "day/two"',
          'would bring sub/run',
          'would bring two',
          'would delete deep/old',
          '1 file was deleted in ./there: not there',
          '.',
          './sub/run',
          './two',
          'Both are the same.',
          '',
        ].filter((line) => line !== '.'),
      );
      // An empty side is a mistyped one: nothing is lost for it.
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('nothing of ./there is deleted') });
    },
    SLOW_MS,
  );
});

describe('fornax sync --delete', () => {
  it(
    'deletes nothing for a file, for folders alone, and where not all came over',
    async () => {
      const { stdout, stderr } = await typed(
        platform,
        home,
        'kept',
        `mkdir -p f/empty void/folder && echo a > f/a && echo b > f/b && echo x > void/x
fornax sync ./f kept > /dev/null
fornax sync ./f/a kept --delete; echo $?
rm -r void/x && fornax sync ./void kept --delete; echo $?
echo x > void/x && fornax sync kept/empty ./void --delete; echo $?
fornax sync kept ./void/x --delete; echo $?
rm f/a && mkfifo f/pipe && fornax sync ./f kept --delete > /dev/null; echo $?
ls void
rm f/pipe && fornax sync ./f kept --delete`,
      );
      expect(stdout.split('\n')).toEqual([
        ...['2', '2', '2', '2', '1', 'folder', 'x'],
        expect.stringMatching(/^0 of 1 files were stored in kept/),
        '1 file was deleted in kept: not here',
        '',
      ]);
      for (const said of [
        './f/a is no folder',
        'Nothing is in ./void',
        'Nothing is in kept/empty',
        './void/x is no folder',
      ])
        expect(stderr).toContain(said);
      expect(stderr).toContain('Nothing was deleted in kept, since not all came over');
    },
    SLOW_MS,
  );
});

describe('fornax top at a terminal', () => {
  it(
    'draws what is, shows names and does not obey them, and ends with Ctrl-C',
    async () => {
      await typed(
        platform,
        home,
        '.',
        `fornax task submit -n $'evil\\e[31m\\nforged' --tag evil --command 'sleep 3600'`,
      );
      const terminal = await atTerminal(platform, home, 'fornax top --every 1');
      await eventually(() => terminal.seen().includes('evil\\u001b[31m\\u000aforged'));
      // A second frame stands where the first one did.
      await eventually(() => terminal.seen().split('\u001b[H').length > 2);
      terminal.type('\u0003');
      expect(await terminal.ended).toBe(0);
      expect(terminal.seen()).not.toContain('\u001b[31m\n');
    },
    SLOW_MS,
  );
});
