import { execFile as execFileCallback, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, chown, mkdir, mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';

import { afterAll, describe, expect, it } from '@jest/globals';

import {
  asRoot,
  openDriver,
  type OpenDriver,
  openLevels,
  orderOf,
  runInit,
  type Seen,
  testsOf,
} from './driver.fixture.js';
import { describeCommand } from '../driver/command.fixture.js';
import { initProgram } from '../process/init-program.js';
import { SandboxDriver } from './sandbox.driver.js';

const execFile = promisify(execFileCallback);

/** Of `/`; not every machine has all of them. */
const SHOWN = [
  ...['usr', 'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'libo32', 'etc', 'opt', 'nix', 'gnu', 'snap'],
  ...['home', 'root', 'var', 'proc', 'sys', 'dev', 'tmp', 'run', 'job', '.fornax', '.fornax-secrets', '.fornax-init'],
];

const LEVELS = await openLevels(['bubblewrap', 'unshare', 'process']);
afterAll(() => Promise.all(LEVELS.map(([, opened]) => opened?.close())));

for (const [level, opened] of LEVELS) describeCommand(`at level ${level}`, { opened, isIsolated: level !== 'process' });

describe.each(LEVELS)('a command at level %s', (level, opened) => {
  testsOf(opened)('goes to where it starts with no rights but its own', async ({ driver, dataDir, facts }) => {
    const prepared = await driver.prepare({ id: `${basename(dataDir)}-closed`, cores: 1, memoryMB: 128 });
    await mkdir(join(prepared.jobDir, 'closed'), { mode: 0o000 });
    const directory = `${prepared.paths.job}/closed`;
    const running = await prepared.start({ argv: ['pwd'], env: { PATH: facts.path }, directory });
    const [err, { exitCode }] = await Promise.all([text(running.stderr), running.exit]);
    await prepared.dispose();
    // At the level of plain processes the folder of the instance is where it starts.
    if (level === 'process') expect(exitCode).toBe(0);
    else expect({ err, exitCode }).toEqual({ err: `cannot start in ${directory}: Permission denied\n`, exitCode: 126 });
  });
});

describe.each(LEVELS.filter(([level]) => level !== 'process'))(
  'a command with the machine’s files at level %s',
  (level, opened) => {
    const isolated = testsOf(opened?.run);
    const sh = (run: OpenDriver['run'], script: string): Promise<Seen> => run(['/bin/sh', '-c', script]);

    isolated(
      'sees of the machine where programs are, and no socket or pipe that its services listen at',
      async (run) => {
        // Read-only mounts close neither.
        const folder = await mkdtemp('/var/tmp/fornax-host-');
        try {
          await chmod(folder, 0o755);
          await execFile('mkfifo', ['-m', '666', join(folder, 'pipe')]);
          const { out } = await sh(
            run,
            `ls -A / | tr '\\n' ' '; echo; ls -A /var /var/lib /var/tmp; test -e ${folder}/pipe || echo none`,
          );
          const [root = '', ...rest] = out.trim().split('\n');
          expect(
            root
              .trim()
              .split(' ')
              .filter((name) => !SHOWN.includes(name)),
          ).toEqual([]);
          expect(rest.at(-1)).toBe('none');
          expect(rest).not.toContain('spool');
          expect(await sh(run, 'test ! -x /usr/bin/dpkg-query || dpkg-query -W dpkg')).toMatchObject({ exitCode: 0 });
        } finally {
          await rm(folder, { recursive: true });
        }
      },
    );

    isolated('sees which name servers the machine asks, and not the sockets that lie beside', async () => {
      const folder = await mkdtemp('/var/tmp/fornax-resolver-');
      const file = join(folder, 'stub.conf');
      const service = createServer();
      await new Promise<void>((resolve) => {
        service.listen(join(folder, 'socket'), resolve);
      });
      await chmod(folder, 0o755);
      await writeFile(file, 'nameserver 192.0.2.53\n', { mode: 0o644 });
      await symlink(file, join(folder, 'resolv.conf'));
      const own = await openDriver(level, { ready: 0, resolver: join(folder, 'resolv.conf') });
      try {
        const seen = await own?.run(['/bin/sh', '-c', `ls -A ${folder}; cat ${file}`]);
        expect(seen).toMatchObject({ exitCode: 0, out: 'stub.conf\nnameserver 192.0.2.53\n' });
      } finally {
        await own?.close();
        service.close();
        await rm(folder, { recursive: true });
      }
    });
  },
);

describe('the first process', () => {
  it('hands down nothing that its starter left open', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fornax-init-'));
    const operators = await open(join(folder, 'operators-file'), 'w');
    const script = 'ls /proc/self/fd; echo mine >&6; echo mine >&8';
    const order = orderOf(['/bin/sh', '-c', script], ['PATH=/usr/bin:/bin']);
    const { out } = await runInit(order, { others: [operators.fd, 'ignore', operators.fd] });
    expect(out.split('\n').filter(Boolean)).toEqual(['0', '1', '2', '3']);
    expect(await readFile(join(folder, 'operators-file'), 'utf8')).toBe('');
    await operators.close();
    await rm(folder, { recursive: true });
  });

  it.each([
    ['cut short', '0\u00002\u00000\u0000echo\u0000'],
    ['no number', 'x\u00001\u00000\u0000true\u0000'],
    ['nothing to run', '0\u00000\u00000\u0000'],
    ['more than was said', '0\u00001\u00000\u0000true\u0000false\u0000'],
    ['an absurd count', '0\u000099999999999\u00000\u0000true\u0000'],
    ['empty', ''],
  ])('runs nothing when its order is %s', async (_, message) => {
    const { code, out, err } = await runInit(message);
    expect({ code, out }).toEqual({ code: 125, out: '' });
    expect(err).toContain('the command');
  });

  it('refuses options that it does not know, and a user that is root', async () => {
    const codes = [];
    for (const args of [
      ['--nothing'],
      ['--aim', 'all', '--user', '0', '0'],
      ['--directory'],
      ['--user', '1', 'x'],
      [],
    ]) {
      const child = spawn(await initProgram(), args, { stdio: 'ignore' });
      codes.push(await new Promise((resolve) => child.once('exit', resolve)));
    }
    expect(codes).toEqual([125, 125, 125, 125, 125]);
  });
});

describe('of an agent that is root', () => {
  asRoot(
    'runs nothing as a plain process in a folder that somebody else made first, where everybody may make one',
    async () => {
      const workDir = await mkdtemp(join(tmpdir(), 'fornax-first-'));
      const hash = createHash('sha256').update(workDir).digest('hex').slice(0, 12);
      const folder = join('/var/tmp', `fornax-${hash}`);
      await mkdir(folder);
      await chown(folder, 65_534, 65_534);
      const driver = new SandboxDriver({ workDir, hide: [], level: 'process' });
      await expect(driver.probe()).rejects.toThrow(`${folder} is not a folder of this agent alone`);
      await driver.close();
      await rm(folder, { recursive: true });
      await rm(workDir, { recursive: true, force: true });
    },
  );

  asRoot(
    'removes what a plain process left on the machine, whatever its name, also after an agent that had no time to',
    async () => {
      const workDir = await mkdtemp(join(tmpdir(), 'fornax-left-'));
      const python = `import ctypes, os
print(os.getuid(), flush=True)
ctypes.CDLL(None).shmget(0, 4096, 0o1600)
os.mkdir(b'/tmp/left-\\xff-%d' % os.getuid()); os.mkdir(b'/var/tmp/left-%d' % os.getuid())`;
      const left = async (uid: string): Promise<readonly string[]> => {
        const names = await Promise.all(['/tmp', '/var/tmp'].map((folder) => readdir(folder)));
        const inMemory = (await readFile('/proc/sysvipc/shm', 'utf8')).split(/\s+/).filter((word) => word === uid);
        return [...names.flat().filter((name) => name.startsWith('left-') && name.endsWith(uid)), ...inMemory];
      };
      const leave = async (
        driver: SandboxDriver,
      ): Promise<{ readonly uid: string; readonly dispose: () => Promise<void> }> => {
        const prepared = await driver.prepare({ id: 'leaves', cores: 1, memoryMB: 0 });
        const running = await prepared.start({
          argv: ['python3', '-c', python],
          env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
        });
        running.stderr.resume();
        const [uid] = await Promise.all([text(running.stdout), running.exit]);
        return { uid: uid.trim(), dispose: prepared.dispose };
      };
      const first = new SandboxDriver({ workDir, hide: [], level: 'process' });
      await first.probe();
      const { uid } = await leave(first);
      expect(uid).toMatch(/^\d+$/);
      expect((await left(uid)).length).toBeGreaterThan(2);
      const second = new SandboxDriver({ workDir, hide: [], level: 'process' });
      await second.probe();
      expect(await left(uid)).toEqual([]);
      const again = await leave(second);
      await again.dispose();
      expect(await left(again.uid)).toEqual([]);
      await second.close();
      await first.close();
      await rm(workDir, { recursive: true, force: true });
    },
  );
});

describe('of an agent that is an ordinary user', () => {
  /** Whether the first process, which no filter holds, may be traced by a command of the same user. */
  const TRACE = 'import ctypes; print("traced" if ctypes.CDLL(None).ptrace(16, 1, 0, 0) == 0 else "not traced")';
  /** Runs one command and prints how it went. */
  const PROGRAM = `
    import { SandboxDriver } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
    import { text } from 'node:stream/consumers';
    const [workDir, level, script] = process.argv.slice(1);
    const driver = new SandboxDriver({ workDir, hide: [], level });
    const { path } = await driver.probe();
    const prepared = await driver.prepare({ id: 'own', cores: 1, memoryMB: 0 });
    const running = await prepared.start({ argv: ['/bin/sh', '-c', script], env: { PATH: path, 'my.key': 'kept', TRACE: ${JSON.stringify(TRACE)} } });
    running.stderr.resume();
    const [out, exit] = await Promise.all([text(running.stdout), running.exit]);
    await prepared.dispose();
    await driver.close();
    console.log(JSON.stringify({ out, exitCode: exit.exitCode, signal: exit.signal }));
  `;
  const SCRIPT = `umask; ls /proc/self/fd; tr '\\0' '\\n' < /proc/$$/environ | grep my.key; grep -E "^(CapEff|CapBnd|SigIgn|NoNewPrivs|Seccomp):" /proc/self/status
    tail -n +3 /proc/net/dev | cut -d: -f1; ls /proc/1/fd 2>/dev/null; python3 -c "$TRACE"; head -c 1 /proc/kcore 2>/dev/null; ls -A /sys/firmware; touch /usr/x /etc/x 2>/dev/null || echo read-only; kill -INT $$`;

  // Elsewhere every other test here is that of an ordinary user.
  asRoot.each(['bubblewrap', 'unshare'] as const)(
    'a command sees the same at level %s',
    async (level) => {
      const workDir = await mkdtemp(join(tmpdir(), 'fornax-ordinary-'));
      await chown(workDir, 65_534, 65_534);
      const ordinary = [
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        '--',
        process.execPath,
        '--input-type=module',
        '-e',
      ];
      const { stdout } = await execFile('setpriv', [...ordinary, PROGRAM, join(workDir, 'work'), level, SCRIPT]);
      await rm(workDir, { recursive: true, force: true });
      const none = '0000000000000000';
      const status = [`SigIgn:\t${none}`, `CapEff:\t${none}`, `CapBnd:\t${none}`, 'NoNewPrivs:\t1', 'Seccomp:\t2'];
      const out = ['0022', '0', '1', '2', '3', 'my.key=kept', ...status, '    lo', 'not traced', 'read-only', ''].join(
        '\n',
      );
      expect(JSON.parse(stdout)).toEqual({ out, exitCode: 130, signal: 'SIGINT' });
    },
    60_000,
  );
});
