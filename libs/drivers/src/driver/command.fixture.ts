import { readFile, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';

import { describe, expect } from '@jest/globals';

import { type OpenDriver, type Seen, testsOf } from '../sandbox/driver.fixture.js';
import { isRoot } from '../sandbox/level.js';
import { describeRows } from './command-rows.fixture.js';

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

export interface WhoseCommand {
  /** What runs it here; undefined: this machine does not have that. */
  readonly opened: OpenDriver | undefined;
  /** Whether it is apart from the machine. */
  readonly isIsolated: boolean;
  /** Folders of control groups that it may see. */
  readonly groups?: RegExp;
  /** How it is told which group it is in. */
  readonly ownGroup?: string;
  /** Bytes, in MiB, that it may put where its control groups are seen: there is a small file system in memory there with version 1 of them, made by the engine. */
  readonly besideGroupsMB?: number;
}

const OWN_GROUPS = /^\/sys\/fs\/cgroup(\/(memory|cpu|cpuacct|pids))?$/;

/** Describes what every driver owes to a command. Its files are those of this machine's /usr, whatever else it sees. */
export const describeCommand = (
  name: string,
  { opened, isIsolated, groups = OWN_GROUPS, ownGroup = '/', besideGroupsMB = 0 }: WhoseCommand,
): void =>
  describe(`a command ${name}`, () => {
    const here = testsOf(opened?.run);
    const isolated: typeof here = isIsolated ? here : () => undefined;
    describeRows(opened, isIsolated);
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
        CapBnd: isRoot() || isIsolated ? none : expect.any(String),
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

    testsOf(opened?.facts.masksUsers === true ? opened : undefined)(
      'may be seen as another user, root too, and has no right by that',
      async ({ driver, dataDir, facts, image }) => {
        const prepared = await driver.prepare({ id: `${basename(dataDir)}-mask`, cores: 1, memoryMB: 128, image });
        const script =
          'id -u; id -g; touch own; stat -c %u:%g own; grep -c 0000000000000000 /proc/self/status; chown 1 own 2>/dev/null || echo refused; cat /proc/self/setgroups; unshare -U true 2>/dev/null || echo refused';
        const argv = ['/bin/sh', '-c', script] as const;
        const running = await prepared.start({ argv, env: { PATH: facts.path }, seenAs: { uid: 0, gid: 7 } });
        const [out, err] = await Promise.all([text(running.stdout), text(running.stderr), running.exit]);
        const made = await stat(join(prepared.jobDir, 'own'));
        await prepared.dispose();
        expect({ out, err }).toEqual({
          out: expect.stringMatching(/^0\n7\n0:7\n\d\nrefused\ndeny\nrefused\n$/),
          err: '',
        });
        expect(made.uid).not.toBe(0);
      },
    );

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
      const machine = (await readdir('/sys/class/net')).filter((name) => name !== 'lo');
      const devices = await Promise.all(machine.map((name) => realpath(`/sys/class/net/${name}`)));
      const asked = devices.map((device) => `${device}/address`);
      const { out } = await sh(run, `for path in ${asked.join(' ')}; do cat "$path"; done 2>/dev/null`);
      expect(out).toBe('');
      const { out: names } = await sh(run, 'ls /sys/class/net /sys/devices/virtual/net 2>/dev/null');
      expect(names.split('\n').filter((name) => machine.includes(name))).toEqual([]);
    });

    isolated('sees no control group but its own, and finds its limits there', async (run) => {
      const script =
        'cut -d: -f3 /proc/self/cgroup | sort -u; find /sys/fs/cgroup -type d; touch /sys/fs/cgroup/x || echo refused';
      const [own, ...folders] = (await sh(run, `{ ${script}; } 2>/dev/null`)).out.trim().split('\n');
      expect([own, folders.pop()]).toEqual([ownGroup, besideGroupsMB === 0 ? 'refused' : expect.any(String)]);
      const limits = opened?.facts.limits ?? [];
      // All of them in one folder, or one for each that is limited.
      expect(folders.filter((path) => !groups.test(path))).toEqual([]);
      if (!limits.includes('memory')) return;
      const files = '/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes';
      const { out } = await run(['/bin/sh', '-c', `cat ${files} 2>/dev/null`], {}, { memoryMB: 300 });
      expect(Number(out)).toBe(300 * 1_048_576);
    });

    isolated(
      'starts in its folder, and writes there, in /tmp and in memory, with the modes that it says',
      async (run) => {
        const script = `pwd; for at in . /tmp /dev/shm; do echo x > $at/file && mkdir $at/folder && stat -c '%a %u' $at/file $at/folder; done | sed "s/ $(id -u)$/ own/" | sort | uniq -c | tr -s ' '; chmod 750 file; ln -s file link; mkfifo pipe; stat -c '%a %F %h' file pipe; cat link`;
        const { out } = await sh(run, script);
        expect(out).toBe('/job\n 3 644 own\n 3 755 own\n750 regular file 1\n644 fifo 1\nx\n');
      },
    );

    isolated('has the devices that programs expect, and none of the machine’s', async (run) => {
      const script = `for name in null zero full random urandom tty ptmx; do test -c /dev/$name || echo no $name; done; head -c 3 /dev/zero | wc -c; echo x > /dev/null && echo x > /dev/stdout; find /dev -type b; ls /dev | grep -E '^(kmsg|mem|kvm|fuse|loop|sd|vd|nvme)'; mknod node c 1 3 2>/dev/null || echo refused`;
      expect((await sh(run, script)).out).toBe('3\nx\nrefused\n');
    });

    isolated('is in a network of its own, with a loopback alone', async (run) => {
      const python = `import errno, socket
print([name for _, name in socket.if_nameindex() if name not in ('tunl0', 'sit0', 'ip6tnl0', 'gre0', 'erspan0', 'gretap0', 'ip_vti0', 'ip6_vti0', 'ip6gre0')])
server = socket.create_server(('127.0.0.1', 0))
socket.create_connection(server.getsockname())
print('loopback')
try: socket.create_connection(('192.0.2.1', 80), 5)
except OSError as error: print(errno.errorcode.get(error.errno))`;
      const [interfaces, loopback, outside] = (await run(['python3', '-c', python])).out.split('\n');
      expect([interfaces, loopback, outside]).toEqual(["['lo']", 'loopback', 'ENETUNREACH']);
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
        lines: [
          '/dev/shm/big ENOSPC 64',
          ...['/dev', ''].map(refused),
          besideGroupsMB === 0
            ? refused('/sys/fs/cgroup')
            : expect.stringMatching(
                new RegExp(`^/sys/fs/cgroup/big (ENOSPC ${besideGroupsMB}|(EROFS|EACCES|ENOENT) 0)$`),
              ),
          ...['/run', '/home'].map(refused),
        ],
      });
    });
  });
