import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@fornax/testing';
import { startPlatform, type RunningPlatform } from '@fornax/testing/platform';
import { platform as shared, readRuntime } from './platform.js';
import { ask, endOf, runScript, submitScript, type Target } from './run-script.js';

const SLOW_MS = 120_000;

/** Below what one constant may have. */
const PART_CHARS = 2_000;
const RUN = `exec python3 -c 'import os; exec("".join(os.environ["ATTACK%d" % at] for at in range(int(os.environ["PARTS"]))))'`;

/** Runs Python in an instance. @returns the lines that it printed */
const attackOn = async (
  target: Target,
  python: string,
  constants: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> => {
  const parts = python.match(new RegExp(`[^]{1,${PART_CHARS}}`, 'g')) ?? [];
  const program = Object.fromEntries(parts.map((part, at) => [`ATTACK${at}`, part]));
  return (await runScript(target, RUN, { ...constants, ...program, PARTS: String(parts.length) })).trim().split('\n');
};

/** Says what went through; a call that the kernel answers with anything but a refusal did. */
const TOOLS = `
import ctypes, errno, os, platform, signal, socket, stat
libc = ctypes.CDLL(None, use_errno=True)
tried = 0
def call(name, numbers, *arguments):
    global tried
    tried += 1
    ctypes.set_errno(0)
    answer = libc.syscall(numbers[platform.machine() == 'aarch64'], *arguments)
    if answer == 0 and name.startswith('clone'): os._exit(0)
    if ctypes.get_errno() not in (errno.EPERM, errno.ENOSYS): print(name, answer, errno.errorcode.get(ctypes.get_errno()))
def attempt(name, function):
    global tried
    tried += 1
    try: result = function()
    except OSError: return
    print(name, repr(result)[:100])
def write(path, text):
    file = os.open(path, os.O_WRONLY)
    try: return os.write(file, text)
    finally: os.close(file)
def read(path):
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        got = os.read(file, 100)
        if not got: raise OSError('empty')
        return got
    finally: os.close(file)
def names(path):
    found = os.listdir(path)
    if not found: raise OSError('empty')
    return found
`;
const DONE = `\nprint('tried', tried)\n`;

/** Numbers of system calls that lead out of a sandbox, on x86-64 and on arm64. */
const CALLS: Readonly<Record<string, readonly [number, number]>> = {
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  fsopen: [430, 430],
  open_tree: [428, 428],
  move_mount: [429, 429],
  mount_setattr: [442, 442],
  keyctl: [250, 219],
  add_key: [248, 217],
  request_key: [249, 218],
  bpf: [321, 280],
  userfaultfd: [323, 282],
  kexec_load: [246, 104],
  init_module: [175, 105],
  finit_module: [313, 273],
  reboot: [169, 142],
  swapon: [167, 224],
  sethostname: [170, 161],
  settimeofday: [164, 170],
  open_by_handle_at: [304, 265],
  perf_event_open: [298, 241],
  io_uring_setup: [425, 425],
  quotactl: [179, 60],
  acct: [163, 89],
  syslog: [103, 116],
  setns: [308, 268],
  clone3: [435, 435],
};
/** CLONE_NEW of mounts, groups, names, IPC, users, processes, networks and, for `unshare` alone, time. */
const NAMESPACES = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000];

const ESCAPE = `${TOOLS}
for name, numbers in ${JSON.stringify(CALLS)}.items(): call(name, numbers, 0, 0, 0, 0, 0, 0)
for flag in ${JSON.stringify([...NAMESPACES, 0x80])}: call('unshare %x' % flag, (272, 97), flag)
for flag in ${JSON.stringify(NAMESPACES)}: call('clone %x' % flag, (56, 220), flag | signal.SIGCHLD, 0, 0, 0, 0)
for name in ('mnt', 'pid', 'net', 'user', 'ipc', 'uts', 'cgroup'):
    attempt('enters ' + name, lambda: call('setns ' + name, (308, 268), os.open('/proc/1/ns/' + name, os.O_RDONLY), 0))
call('traces the first process', (101, 117), 16, 1, 0, 0)
attempt('opens its memory', lambda: os.open('/proc/1/mem', os.O_RDWR))
attempt('lists its files', lambda: names('/proc/1/fd'))
attempt('stands in its root', lambda: os.listdir('/proc/1/root'))
for path in ('/proc/sysrq-trigger', '/proc/sys/kernel/core_pattern', '/proc/sys/kernel/modprobe', '/sys/kernel/uevent_helper', '/proc/sys/vm/overcommit_memory', '/sys/fs/cgroup/cgroup.procs', '/sys/fs/cgroup/memory/memory.limit_in_bytes', '/sys/fs/cgroup/release_agent', '/proc/self/uid_map'):
    attempt('writes ' + path, lambda: write(path, b'1'))
attempt('makes a disk', lambda: os.mknod('/tmp/disk', stat.S_IFBLK | 0o600, os.makedev(8, 0)))
if os.getuid() != 0: attempt('is root', lambda: os.setuid(0))
${DONE}`;

const READ = `${TOOLS}
for path in ('/proc/1/environ', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/kmsg', '/dev/kmsg', '/dev/mem', '/dev/sda', '/dev/vda', '/etc/shadow'):
    attempt('reads ' + path, lambda: read(path))
for path in ('/root', '/home', '/run/docker.sock', '/var/run/docker.sock', '/sys/firmware', '/.fornax', os.environ['DATA']):
    attempt('lists ' + path, lambda: names(path))
for table in ('shm', 'sem', 'msg'):
    tried += 1
    with open('/proc/sysvipc/' + table) as file:
        if len(file.readlines()) > 1: print('sees the', table, 'of others')
tried += 1
others = [pid for pid in os.listdir('/proc') if pid.isdigit() and os.path.exists('/proc/' + pid + '/comm') and open('/proc/' + pid + '/comm').read().strip() not in ('fornax-init', '.fornax-init', 'sh', 'python3')]
if others: print('sees processes', others)
for folder, _, _ in os.walk('/sys/fs/cgroup'):
    tried += 1
    if folder.removeprefix('/sys/fs/cgroup').strip('/') not in ('', 'memory', 'cpu', 'cpuacct', 'pids'): print('sees the group', folder)
${DONE}`;

const REACH = `${TOOLS}
for port in os.environ['PORTS'].split():
    for host in ('127.0.0.1', 'localhost', socket.gethostname()):
        attempt('reaches %s:%s' % (host, port), lambda: socket.create_connection((host, int(port)), 5))
def unix(name):
    client = socket.socket(socket.AF_UNIX)
    client.connect(name)
attempt('reaches an abstract socket', lambda: unix(b'\\0' + os.environ['ABSTRACT'].encode()))
for path in ('/run/dbus/system_bus_socket', '/var/run/docker.sock', '/run/systemd/private', '/run/containerd/containerd.sock'):
    attempt('reaches ' + path, lambda: unix(path))
for address in ('169.254.169.254', '100.100.100.200', '192.0.0.192', '198.41.0.4', '224.0.0.251', '255.255.255.255'):
    attempt('reaches ' + address, lambda: socket.create_connection((address, 80), 5))
    attempt('sends to ' + address, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', (address, 53)))
for family, kind, protocol in ((socket.AF_INET, socket.SOCK_RAW, 1), (socket.AF_PACKET, socket.SOCK_RAW, 3), (40, socket.SOCK_STREAM, 0), (38, socket.SOCK_SEQPACKET, 0)):
    attempt('has a socket of family %d' % family, lambda: socket.socket(family, kind, protocol))
${DONE}`;

/** Numbers of processes of this machine that have this word among their arguments. */
const processesWith = (word: string): readonly string[] =>
  readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').includes(word);
    } catch {
      return false;
    }
  });

/** As an argument of `sleep` it is found, and nobody else's. */
const sleepOfItsOwn = (): string => `9${parseInt(randomUUID().slice(0, 7), 16)}.25`;

const triedAll = [expect.stringMatching(/^0> tried \d\d+$/)];

/** @param level undefined: that of a platform as it comes, which is the one of the whole run */
const suite = (name: string, level: string | undefined): void =>
  describe(name, () => {
    let platform: Target & Pick<RunningPlatform, 'dataDir' | 'storageUrl'> = shared;
    let own: RunningPlatform | undefined;
    beforeAll(async () => {
      if (level === undefined) return;
      own = await startPlatform({ env: { FORNAX_NODE_SANDBOX: level, FORNAX_NODE_INSTANCE_DISK_BYTES: '500000000' } });
      platform = own;
    }, 180_000);
    afterAll(() => own?.stop(), 60_000);
    const attack = (python: string, constants?: Readonly<Record<string, string>>) =>
      attackOn(platform, python, constants);

    it(
      'does not escape: no mount, namespace, trace, key, module, device or setting of the machine is its',
      async () => expect(await attack(ESCAPE)).toEqual(triedAll),
      SLOW_MS,
    );

    it(
      'does not read: no memory, key, file, queue, process or group of others is there',
      async () => expect(await attack(READ, { DATA: platform.dataDir })).toEqual(triedAll),
      SLOW_MS,
    );

    it(
      'does not reach: neither what listens on the machine, in whatever way, nor anybody else',
      async () => {
        const abstract = `fornax-${randomUUID()}`;
        const server = createServer((socket) => socket.end());
        await new Promise<void>((resolve) => {
          server.listen(`\0${abstract}`, resolve);
        });
        const { nats } = await readRuntime(platform);
        const PORTS = [platform.apiUrl, platform.storageUrl, nats.url].map((url) => new URL(url).port).join(' ');
        try {
          expect(await attack(REACH, { PORTS, ABSTRACT: abstract })).toEqual(triedAll);
        } finally {
          server.close();
        }
      },
      SLOW_MS,
    );

    it(
      'does not exhaust: whoever takes all processes, memory, descriptors or room it can get is ended, and others run meanwhile',
      async () => {
        const mark = sleepOfItsOwn();
        const greedy = await Promise.all(
          [
            `bomb() { sleep ${mark} & bomb & bomb; }; bomb`,
            `exec python3 -c 'held = []
while True: held.append(bytearray(1 << 24))'`,
            `exec python3 -c 'import os
while True: os.write(os.open("large", os.O_WRONLY | os.O_CREAT | os.O_APPEND), bytes(1 << 24))'`,
            `exec python3 -c 'import os
held = [os.open("/dev/null", os.O_RDONLY) for _ in range(1 << 20)]'`,
            `head -c 100000000000 /dev/zero > /dev/shm/large`,
          ].map((script) => submitScript(platform, script, { MAX_EXECUTION_SECONDS: '15' })),
        );
        expect(await runScript(platform, 'echo "all is well"')).toContain('all is well');
        expect(await Promise.all(greedy.map((uuid) => endOf(platform, uuid)))).toEqual(greedy.map(() => 'Failure'));
        await eventually(() => processesWith(mark).length === 0);
      },
      SLOW_MS,
    );

    it(
      'does not outlive its command by daemons that hear no signal',
      async () => {
        const mark = sleepOfItsOwn();
        const daemon = `trap '' TERM HUP INT; sleep ${mark} & exec sleep ${mark}`;
        await runScript(
          platform,
          `(env -i /usr/bin/setsid /bin/sh -c "${daemon}" </dev/null >/dev/null 2>&1 &) ; sleep 0.2`,
        );
        await eventually(() => processesWith(mark).length === 0);
      },
      SLOW_MS,
    );

    it(
      'does not outlive its task by standing still, or by hearing no signal',
      async () => {
        const [still, deaf] = [sleepOfItsOwn(), sleepOfItsOwn()];
        const tasks = await Promise.all([
          submitScript(platform, `sleep ${still} & kill -STOP $$`),
          submitScript(platform, `trap '' TERM; sleep ${deaf} & while :; do sleep 1; done`, {
            MAX_EXECUTION_SECONDS: '1',
          }),
        ]);
        await eventually(() => processesWith(still).length > 0, { timeoutMs: 60_000 });
        await ask(platform, 'POST', `/tasks/${tasks[0]}/abort`);
        expect(await Promise.all(tasks.map((uuid) => endOf(platform, uuid)))).toEqual(['Cancelled', 'Failure']);
        await eventually(() => processesWith(still).length + processesWith(deaf).length === 0);
      },
      SLOW_MS,
    );
  });

suite('a hostile instance', undefined);
// The level that is not the one of a platform as it comes.
const other = process.getuid?.() === 0 ? 'bubblewrap' : 'unshare';
suite(`a hostile instance at level ${other}`, other);
