import { execFile as execFileCallback, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
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
import { initProgram } from '../process/init-program.js';
import { isRoot } from './level.js';
import { SandboxDriver } from './sandbox.driver.js';

const execFile = promisify(execFileCallback);

/** Errors of system calls that a container without capabilities may not make, by number, and of one that is too new for the filter. */
const CALLS = `
import ctypes, errno, platform
libc = ctypes.CDLL(None, use_errno=True)
numbers = {
  'x86_64': {'keyctl': 250, 'mount': 165, 'bpf': 321, 'perf_event_open': 298, 'io_uring_setup': 425, 'unshare': 272, 'clone3': 435, 'newest': 900},
  'aarch64': {'keyctl': 219, 'mount': 40, 'bpf': 280, 'perf_event_open': 241, 'io_uring_setup': 425, 'unshare': 97, 'clone3': 435, 'newest': 900},
}[platform.machine()]
for name, number in sorted(numbers.items()):
    libc.syscall(number, 0, 0, 0, 0, 0)
    print(name, errno.errorcode.get(ctypes.get_errno()))
`;

const ORPHAN = `
import os, time
reader, writer = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.close(reader)
        os._exit(0)
    os._exit(0)
os.close(writer)
os.wait()
os.read(reader, 1)
def zombies():
    found = 0
    for name in os.listdir('/proc'):
        try:
            if name.isdigit() and open('/proc/' + name + '/stat').read().rsplit(')', 1)[1].split()[0] == 'Z' and os.stat('/proc/' + name).st_uid == os.getuid(): found += 1
        except OSError: pass
    return found
while zombies(): time.sleep(0.01)
print('none left')
`;

/** Of `/`; not every machine has all of them. */
const SHOWN = [
  ...['usr', 'bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32', 'libo32', 'etc', 'opt', 'nix', 'gnu', 'snap'],
  ...['home', 'root', 'var', 'proc', 'sys', 'dev', 'tmp', 'run', 'job', '.fornax', '.fornax-secrets', '.fornax-init'],
];

const LEVELS = await openLevels(['bubblewrap', 'unshare', 'process']);
afterAll(() => Promise.all(LEVELS.map(([, opened]) => opened?.close())));

describe.each(LEVELS)('a command at level %s', (level, opened) => {
  const here = testsOf(opened?.run);
  const isolated: typeof here = level === 'process' ? () => undefined : here;
  const sh = (run: OpenDriver['run'], script: string, env: Record<string, string> = {}): Promise<Seen> =>
    run(['/bin/sh', '-c', script], env);

  here('has every signal at its default, and none blocked', async (run) => {
    // cat sets none of its own.
    const { out } = await run(['/bin/cat', '/proc/self/status']);
    expect(
      out
        .split('\n')
        .filter((line) => /^Sig(Blk|Ign|Cgt)/.test(line))
        .map((line) => `${line}\n`)
        .join(''),
    ).toBe(['Blk', 'Ign', 'Cgt'].map((set) => `Sig${set}:\t0000000000000000\n`).join(''));
  });

  here('is ended by SIGINT, and that is told as a signal', async (run) => {
    expect(await sh(run, 'kill -INT $$; echo survived')).toMatchObject({ exitCode: 130, signal: 'SIGINT', out: '' });
    const python =
      'import os, signal\ntry: os.kill(os.getpid(), signal.SIGINT)\nexcept KeyboardInterrupt: print("interrupted")';
    expect(await run(['python3', '-c', python])).toMatchObject({ exitCode: 0, out: 'interrupted\n' });
  });

  here('may end with a code above 128 without a signal', async (run) => {
    const exit = await sh(run, 'exit 130');
    expect({ exitCode: exit.exitCode, signal: exit.signal }).toEqual({ exitCode: 130, signal: undefined });
  });

  here('creates files that others may read, and has an empty standard input', async (run) => {
    expect((await sh(run, 'umask; wc -c; tty -s || echo no terminal')).out).toBe('0022\n0\nno terminal\n');
  });

  here('leads a session and a process group of its own', async (run) => {
    const python = 'import os; print(os.getsid(0) == os.getpid(), os.getpgrp() == os.getpid())';
    expect((await run(['python3', '-c', python])).out).toBe('True True\n');
  });

  here('has no descriptor but the three standard ones', async (run) => {
    expect((await run(['/bin/ls', '/proc/self/fd'])).out).toBe('0\n1\n2\n3\n');
  });

  here('finds every constant in its environment as it was given', async (run) => {
    const names = [
      'my.key',
      'my-key',
      '1my',
      'fx_count',
      'fx_at',
      'OLDPWD',
      'OPTIND',
      'FX_26',
      'FX_0',
      'V1',
      'ä ö',
      'IFS',
      'PS1',
    ];
    const env = Object.fromEntries(names.map((name, at) => [name, `value ${at}\n'"$(id)`]));
    const { out } = await run(['python3', '-c', 'import os, json; print(json.dumps(dict(os.environ)))'], env);
    expect(JSON.parse(out)).toMatchObject(env);
  });

  here('finds what only it was given, and nobody else’s arguments tell of it', async (run) => {
    const look = `import os
for name in os.listdir('/proc'):
    try:
        if name.isdigit() and int(name) != os.getpid() and b'only-mine' in open('/proc/' + name + '/cmdline', 'rb').read(): print('seen in', name)
    except OSError: pass
print('looked')`;
    const { out } = await run(['python3', '-c', look, 'only-mine'], { SECRET: 'only-mine' });
    expect(out).toBe('looked\n');
  });

  isolated('reads no path of the host in the arguments of others', async (run) => {
    expect((await sh(run, 'tr "\\0" " " < /proc/1/cmdline')).out.trim()).toBe('init');
  });

  here('has the limits that are written down', async (run) => {
    const { out } = await sh(run, 'ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Ss; ulimit -Sf; ulimit -Sv; nice');
    const [soft, hard, ...rest] = out.trim().split('\n');
    expect([soft, ...rest]).toEqual(['1024', '0', '8192', 'unlimited', 'unlimited', '0']);
    expect(Number(hard)).toBeLessThanOrEqual(524_288);
  });

  here('has no capability, may gain none, and its system calls are filtered', async (run) => {
    const { out } = await run(['/bin/grep', '-E', '^(Cap|NoNewPrivs|Seccomp:)', '/proc/self/status']);
    const none = '0000000000000000';
    expect(
      Object.fromEntries(
        out
          .trim()
          .split('\n')
          .map((line) => line.split(/:\s+/)),
      ),
    ).toEqual({
      ...Object.fromEntries(['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].map((set) => [set, none])),
      CapBnd: process.getuid?.() === 0 || level !== 'process' ? none : expect.any(String),
      NoNewPrivs: '1',
      Seccomp: '2',
    });
  });

  here('may not make the system calls that containers may not', async (run) => {
    const { out } = await run(['python3', '-c', CALLS]);
    expect(
      Object.fromEntries(
        out
          .trim()
          .split('\n')
          .map((line) => line.split(' ')),
      ),
    ).toEqual({
      bpf: 'EPERM',
      clone3: 'ENOSYS',
      io_uring_setup: 'EPERM',
      keyctl: 'EPERM',
      mount: 'EPERM',
      newest: 'ENOSYS',
      perf_event_open: 'EPERM',
      unshare: 'EPERM',
    });
    expect((await sh(run, 'unshare -U true 2>/dev/null || echo refused')).out).toBe('refused\n');
  });

  here('may run threads, pipes and shells all the same', async (run) => {
    const python =
      'import threading, subprocess\nt = threading.Thread(target=lambda: print(subprocess.check_output("echo a | tr a b", shell=True)))\nt.start(); t.join()';
    expect((await run(['python3', '-c', python])).out).toBe("b'b\\n'\n");
  });

  here('leaves its orphans to somebody who reaps them', async (run) => {
    expect((await run(['python3', '-c', ORPHAN])).out).toBe('none left\n');
  });

  here('says 126 for what may not be run and 127 for what is not there, wherever it is looked for', async (run) => {
    expect(await sh(run, 'echo echo hi > script; chmod +x script; ./script')).toMatchObject({ out: 'hi\n' });
    expect(await run(['/etc/passwd'])).toMatchObject({ exitCode: 126, err: '/etc/passwd: Permission denied\n' });
    expect(await run(['/no/such'])).toMatchObject({ exitCode: 127, err: '/no/such: No such file or directory\n' });
    expect(await run(['no-such'])).toMatchObject({ exitCode: 127, err: 'no-such: not found\n' });
    expect(await run([''])).toMatchObject({ exitCode: 127 });
  });

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

  testsOf(opened?.facts.masksUsers === true ? opened : undefined)(
    'may be seen as another user, root too, and has no right by that',
    async ({ driver, dataDir, facts }) => {
      const prepared = await driver.prepare({ id: `${basename(dataDir)}-mask`, cores: 1, memoryMB: 128 });
      const script =
        'id -u; id -g; touch own; stat -c %u:%g own; grep -c 0000000000000000 /proc/self/status; chown 1 own 2>/dev/null || echo refused; cat /proc/self/setgroups; unshare -U true 2>/dev/null || echo refused';
      const running = await prepared.start({
        argv: ['/bin/sh', '-c', script],
        env: { PATH: facts.path },
        seenAs: { uid: 0, gid: 7 },
      });
      const [out] = await Promise.all([text(running.stdout), running.exit]);
      const made = await stat(join(prepared.jobDir, 'own'));
      await prepared.dispose();
      expect(out).toMatch(/^0\n7\n0:7\n\d\nrefused\ndeny\nrefused\n$/);
      expect(made.uid).not.toBe(0);
    },
  );

  here('looks for programs in the PATH that it is given', async (run) => {
    expect(opened?.facts.path).not.toMatch(/node_modules\/\.bin/);
    const { exitCode, out } = await run(['env'], { PATH: '/nowhere:/usr/bin' });
    expect([exitCode, out.split('\n')[0]]).toEqual([0, 'PATH=/nowhere:/usr/bin']);
  });

  // Plain processes of the agent's own user share theirs.
  testsOf(isRoot() ? opened?.run : undefined)('leaves no shared memory, semaphore or queue behind', async (run) => {
    const python =
      'import ctypes, os; c = ctypes.CDLL(None); print(os.getuid(), c.shmget(0, 4096, 0o1600) >= 0, c.semget(0, 1, 0o1600) >= 0, c.msgget(0, 0o1600) >= 0)';
    const { out } = await run(['python3', '-c', python]);
    const [uid, ...made] = out.trim().split(' ');
    expect(made).toEqual(['True', 'True', 'True']);
    for (const table of ['shm', 'sem', 'msg'])
      expect((await readFile(`/proc/sysvipc/${table}`, 'utf8')).split(/\s+/)).not.toContain(uid);
  });

  isolated('sees of the machine where programs are, and no socket or pipe that its services listen at', async (run) => {
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
  });

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

  isolated('finds the machine’s own parts of /proc and /sys hidden or not writable', async (run) => {
    const { out } = await sh(
      run,
      'head -c 1 /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | grep -v "==>" | tr -d "\\n"; ls -A /sys/firmware; for name in panic msgmax shmall; do { echo 1 > /proc/sys/kernel/$name; } 2>/dev/null || echo refused; done',
    );
    expect(out).toBe('refused\n'.repeat(3));
  });

  isolated('may not make threads that have open files of their own', async (run) => {
    const script = `import ctypes, errno, platform
libc = ctypes.CDLL(None, use_errno=True)
VM, FS, FILES, SIGHAND, THREAD = 0x100, 0x200, 0x400, 0x800, 0x10000
number = {'x86_64': 56, 'aarch64': 220}[platform.machine()]
# No stack for a process of its own is a fault of the call, whichever the kernel finds first: a refusal comes before.
print(errno.errorcode.get(ctypes.get_errno()) if libc.syscall(number, VM | FS | SIGHAND | THREAD, 0, 0, 0, 0) == -1 else 'made')
libc.syscall(436, 4_000_000, 4_000_000, 2)
print(errno.errorcode.get(ctypes.get_errno()), libc.syscall(436, 4_000_000, 4_000_000, 0))
import threading
thread = threading.Thread(target=print, args=('usual',))
thread.start()
thread.join()`;
    expect((await run(['python3', '-c', script])).out).toBe('EPERM\nEPERM 0\nusual\n');
  });

  isolated('is not told of the interfaces of the machine, nor what goes through them', async (run) => {
    const machine = await readdir('/sys/class/net');
    const devices = await Promise.all(machine.map((name) => realpath(`/sys/class/net/${name}`)));
    const asked = ['/sys/class/net', '/sys/devices/virtual/net', ...devices.map((device) => `${device}/address`)];
    const { out } = await sh(run, `for path in ${asked.join(' ')}; do ls "$path"; cat "$path"; done 2>/dev/null`);
    expect(machine).toContain('lo');
    expect(out).toBe('');
  });

  isolated('sees no control group but its own, and finds its limits there', async (run) => {
    const script =
      'cut -d: -f3 /proc/self/cgroup | sort -u; find /sys/fs/cgroup -type d; touch /sys/fs/cgroup/x || echo refused';
    const [own, ...folders] = (await sh(run, `{ ${script}; } 2>/dev/null`)).out.trim().split('\n');
    expect([own, folders.pop()]).toEqual(['/', 'refused']);
    const limits = opened?.facts.limits ?? [];
    // All of them in one folder, or one for each that is limited.
    expect(folders.filter((path) => !/^\/sys\/fs\/cgroup(\/(memory|cpu|cpuacct|pids))?$/.test(path))).toEqual([]);
    if (!limits.includes('memory')) return;
    const files = '/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes';
    const { out } = await run(['/bin/sh', '-c', `cat ${files} 2>/dev/null`], {}, { memoryMB: 300 });
    expect(Number(out)).toBe(300 * 1_048_576);
  });

  isolated('cannot fill the memory of the machine through files that are in memory', async (run) => {
    const script = `import errno, os
def fill(path):
    try:
        with open(path, 'wb') as file:
            while True: os.write(file.fileno(), bytes(1 << 20))
    except OSError as error: print(path, errno.errorcode[error.errno], os.path.getsize(path) >> 20 if os.path.exists(path) else 0)
for folder in ('/dev/shm', '/dev', '/', '/sys/fs/cgroup', '/run', '/home'): fill(folder.rstrip('/') + '/big')`;
    const { out, exitCode } = await run(['python3', '-c', script], {}, { memoryMB: 128 });
    const refused = (path: string) => expect.stringMatching(new RegExp(`^${path}/big (EROFS|EACCES|ENOENT) 0$`));
    expect({ exitCode, lines: out.trim().split('\n') }).toEqual({
      exitCode: 0,
      lines: ['/dev/shm/big ENOSPC 64', ...['/dev', '', '/sys/fs/cgroup', '/run', '/home'].map(refused)],
    });
  });
});

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
