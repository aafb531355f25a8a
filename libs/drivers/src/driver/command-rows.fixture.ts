import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';

import { expect } from '@jest/globals';

import type { InstanceCommand, RunningInstance } from './driver.js';
import { type OpenDriver, type Seen, type Test, testsOf } from '../sandbox/driver.fixture.js';

interface Row {
  readonly what: string;
  readonly command: Omit<InstanceCommand, 'env'>;
  readonly env?: Readonly<Record<string, string>>;
  /** What it prints and how it ends; `exitCode` is 0 and `err` empty unless it says otherwise. */
  readonly seen: Partial<Pick<Seen, 'out' | 'err' | 'exitCode' | 'signal'>>;
  /** It speaks of files that are not those of plain processes. */
  readonly isIsolated?: true;
}

const sh = (script: string): Row['command'] => ({ argv: ['/bin/sh', '-c', script] });
const exits = (code: number): Row => ({
  what: `ends with code ${code}`,
  command: sh(`exit ${code}`),
  seen: { exitCode: code },
});
const diesOf = (name: string, number: number): Row => ({
  what: `is ended by ${name}`,
  command: sh(`kill -${number} $$; echo survived`),
  seen: { exitCode: 128 + number, signal: name },
});

/** What a command says of the place that it is in. The same rows for each driver: what differs is not in here. */
const ROWS: readonly Row[] = [
  ...[1, 125, 126, 127, 255].map(exits),
  ...(
    [
      ['SIGHUP', 1],
      ['SIGKILL', 9],
      ['SIGSEGV', 11],
      ['SIGTERM', 15],
    ] as const
  ).map(([name, number]) => diesOf(name, number)),
  {
    what: 'has its arguments as they were given, with no shell in between',
    command: { argv: ['printf', '[%s]\\n', 'a b', '', '$HOME', '"q" \'p\'', 'ä\tö', '--help', '*'] },
    seen: { out: '[a b]\n[]\n[$HOME]\n["q" \'p\']\n[ä\tö]\n[--help]\n[*]\n' },
  },
  {
    what: 'has the environment that it was given, and no name besides',
    command: { argv: ['/usr/bin/env'] },
    env: { TOOL: 'of-image', EMPTY: '', HOSTNAME: 'mine' },
    seen: { out: 'TOOL=of-image\nEMPTY=\nHOSTNAME=mine\n' },
    // Plain processes are found again by theirs.
    isIsolated: true,
  },
  {
    what: 'has the time zone that its environment says, and the characters of its locale',
    command: sh('date +%Z%z; printf ä | wc -m; LC_ALL=C; printf ä | wc -m'),
    env: { TZ: 'FNX-9', LC_ALL: 'C.UTF-8' },
    seen: { out: 'FNX+0900\n1\n2\n' },
  },
  {
    what: 'reads nothing, at once, also from the device, and has no terminal',
    command: sh('readlink /proc/self/fd/0; cat; read line || echo end; (: < /dev/tty) 2>/dev/null || echo none'),
    seen: { out: '/dev/null\nend\nnone\n' },
  },
  {
    what: 'is on a machine of the node’s name, which it may not change',
    command: sh('uname -n; hostname other 2>/dev/null || echo refused'),
    seen: { out: `${hostname()}\nrefused\n` },
  },
  {
    what: 'prints both outputs apart, each in its order, and all of it to its end',
    command: {
      argv: [
        'python3',
        '-c',
        'import os\nfor n in range(2000): os.write(1, b"out %d\\n" % n); os.write(2, b"err %d\\n" % n)',
      ],
    },
    seen: {
      out: Array.from({ length: 2_000 }, (_, n) => `out ${n}\n`).join(''),
      err: Array.from({ length: 2_000 }, (_, n) => `err ${n}\n`).join(''),
    },
  },
  {
    what: 'is over with its own end: what it has started in the background ends with it',
    command: sh('(setsid sleep 4711.375 >/dev/null 2>&1 &); echo over'),
    seen: { out: 'over\n' },
  },
  {
    what: 'starts in another folder, also in one of a name with a space that it has made',
    command: { ...sh('pwd; mkdir "a b" && cd "a b" && pwd'), directory: '/tmp' },
    seen: { out: '/tmp\n/tmp/a b\n' },
    isIsolated: true,
  },
  {
    what: 'starts at the top',
    command: { argv: ['pwd'], directory: '/' },
    seen: { out: '/\n' },
    isIsolated: true,
  },
  {
    what: 'does not start in a folder that is not there',
    command: { argv: ['pwd'], directory: '/no/such' },
    seen: { err: 'cannot start in /no/such: No such file or directory\n', exitCode: 127 },
    isIsolated: true,
  },
  {
    what: 'does not start in a file',
    command: { argv: ['pwd'], directory: '/etc/passwd' },
    seen: { err: 'cannot start in /etc/passwd: Not a directory\n', exitCode: 127 },
    isIsolated: true,
  },
  {
    what: 'writes nothing that is not its own',
    command: sh(
      'for at in / /etc /usr /var /var/tmp /home /run /proc /sys; do touch $at/x 2>/dev/null && echo wrote $at; done; rm -f /etc/passwd 2>/dev/null || echo kept; (: >> /etc/passwd) 2>/dev/null || echo closed',
    ),
    seen: { out: 'kept\nclosed\n' },
    isIsolated: true,
  },
  {
    what: 'has the folders that programs expect in memory and for a while, open to it',
    command: sh(
      'for at in /tmp /dev/shm /job; do test -d $at -a -w $at -a -x $at && echo $at; done; df -P /dev/shm | tail -n 1 | tr -s " " | cut -d " " -f 6; for name in fd stdin stdout stderr; do test -L /dev/$name && echo $name; done',
    ),
    seen: { out: '/tmp\n/dev/shm\n/job\n/dev/shm\nfd\nstdin\nstdout\nstderr\n' },
    isIsolated: true,
  },
  {
    what: 'sees processes of its own alone',
    command: sh(
      'ls /proc | grep -c "^[0-9]"; test -r /proc/1/environ && echo read; cat /proc/1/environ 2>/dev/null; ls /proc/1/fd 2>/dev/null; true',
    ),
    seen: { out: expect.stringMatching(/^[3-6]\n$/) as unknown as string },
    isIsolated: true,
  },
];

/** Starts a command for as long as the work with it lasts. */
const withRunning = async <T>(
  { driver, facts, image }: OpenDriver,
  script: string,
  work: (running: RunningInstance) => Promise<T>,
): Promise<T> => {
  const prepared = await driver.prepare({ id: `row-${(made += 1)}-${process.pid}`, cores: 1, memoryMB: 256, image });
  try {
    const running = await prepared.start({ argv: ['/bin/sh', '-c', script], env: { PATH: facts.path } });
    running.stderr.resume();
    return await work(running);
  } finally {
    await prepared.dispose();
  }
};
let made = 0;

const hears = (running: RunningInstance, word: string): Promise<string> =>
  new Promise((resolve) => {
    let out = '';
    running.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes(word)) resolve(out);
    });
  });

/** Describes how commands begin and end, and what they find where they are: one row a test. */
export const describeRows = (opened: OpenDriver | undefined, isIsolated: boolean): void => {
  const here: Test<OpenDriver> = testsOf(opened);
  for (const { what, command, env = {}, seen, isIsolated: isOfIsolated = false } of ROWS) {
    if (isOfIsolated && !isIsolated) continue;
    here(what, async ({ driver, facts, image }) => {
      const prepared = await driver.prepare({
        id: `row-${(made += 1)}-${process.pid}`,
        cores: 1,
        memoryMB: 256,
        image,
      });
      // `env` is the whole environment: where a row says what that is, programs have whole names.
      const own = command.argv[0] === '/usr/bin/env' ? {} : { PATH: facts.path };
      const running = await prepared.start({ ...command, env: { ...own, ...env } });
      const [out, err, exit] = await Promise.all([text(running.stdout), text(running.stderr), running.exit]);
      await prepared.dispose();
      const { exitCode, signal } = exit;
      expect({ out, err, exitCode, signal }).toEqual({ out: '', err: '', exitCode: 0, signal: undefined, ...seen });
    });
  }

  here('is told to end, may end as it likes, and with a code of its own', (given) =>
    withRunning(given, 'trap "echo told; exit 7" TERM; echo up; while :; do sleep 0.05; done', async (running) => {
      await hears(running, 'up\n');
      running.terminate();
      expect(await running.exit).toMatchObject({ kind: 'exited', exitCode: 7 });
    }),
  );

  here('goes on when it does not hear that, and is killed then', (given) =>
    withRunning(given, 'trap "echo told" TERM; echo up; while :; do sleep 0.05; done', async (running) => {
      await hears(running, 'up\n');
      running.terminate();
      await hears(running, 'told\n');
      running.kill();
      expect(await running.exit).toMatchObject({ kind: 'killed', signal: 'SIGKILL' });
    }),
  );

  here('ends by the signal that tells it to where it does nothing about that', (given) =>
    withRunning(given, 'echo up; exec sleep 600', async (running) => {
      await hears(running, 'up\n');
      running.terminate();
      expect(await running.exit).toMatchObject({ kind: 'exited', exitCode: 143, signal: 'SIGTERM' });
    }),
  );
};
