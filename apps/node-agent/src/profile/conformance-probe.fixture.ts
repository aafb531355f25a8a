import { ROWS } from './conformance-rows.fixture.js';

/** Names that a shell would not hand on, or keeps for itself; some were those of a wrapper of ours once. */
const ODD_NAMES = ['my.key', 'my-key', '1my', 'fx_count', 'fx_at', 'OLDPWD', 'OPTIND', 'FX_26', 'V1', 'IFS'];

/** Prints, as JSON, what a command sees: one text for each row that a command can see by itself. */
const PROBE = `
import ctypes, errno, json, os, platform, resource, signal, socket, stat
seen = {}
def word(text, *path):
    with open(os.path.join(*path) if path else '/proc/self/status') as file:
        for line in file:
            if line.startswith(text + ':'): return line.split(':', 1)[1].strip()
def code(function):
    try:
        function()
        return 'yes'
    except OSError as error: return errno.errorcode.get(error.errno, str(error))
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    libc.syscall(number, *arguments)
    return errno.errorcode.get(ctypes.get_errno(), 'allowed')
odd = ${JSON.stringify(ODD_NAMES)} + ['QARNOT_SECRET_my.key']
given = {'DOCKER_CMD', 'PROBE', 'GIVEN', 'LC_CTYPE', *odd}
seen['names'] = ' '.join(sorted(set(os.environ) - given))
for name in ('PATH', 'HOME', 'LANG', 'TMPDIR', 'USER'): seen[name.lower()] = os.environ.get(name, 'not set')
value = os.environ['GIVEN']
seen['asGiven'] = 'as given' if value.count('\\n') == 1 and all(os.environ.get(name) == value for name in odd) else 'changed'
mask = os.umask(0); os.umask(mask)
seen['umask'] = '%04o' % mask
seen['descriptors'] = ' '.join(sorted((name for name in os.listdir('/proc/self/fd') if os.path.exists('/proc/self/fd/' + name)), key=int))
seen['stdin'] = 'empty' if os.read(0, 1) == b'' and not os.isatty(0) else 'not empty'
kinds = [stat.S_ISFIFO(os.fstat(each).st_mode) for each in (1, 2)]
seen['outputs'] = 'two pipes' if all(kinds) and os.fstat(1).st_ino != os.fstat(2).st_ino else 'something else'
seen['session'] = 'yes' if os.getsid(0) == os.getpid() == os.getpgrp() else 'no'
seen['terminal'] = 'none' if code(lambda: os.open('/dev/tty', os.O_RDWR)) == 'ENXIO' else 'one'
seen['pid'] = str(os.getpid())
parents = [name for name in os.listdir('/proc') if name.isdigit() and name != '1' and int(name) != os.getpid()]
seen['others'] = ' '.join(parents) or 'none'
reader, writer = os.pipe()
if os.fork() == 0:
    orphan = os.fork()
    if orphan == 0:
        os.close(reader)
        os._exit(0)
    os._exit(0)
os.close(writer); os.wait(); os.read(reader, 1); os.close(reader)
import time
deadline = time.monotonic() + 20
def zombies():
    found = 0
    for name in os.listdir('/proc'):
        try:
            if name.isdigit() and open('/proc/' + name + '/stat').read().rsplit(')', 1)[1].split()[0] == 'Z': found += 1
        except OSError: pass
    return found
while zombies() and time.monotonic() < deadline: time.sleep(0.01)
seen['orphans'] = 'stay as zombies' if zombies() else 'are reaped'
seen['nice'] = str(os.nice(0))
seen['cwd'] = os.getcwd()
amount = lambda value: 'unlimited' if value == resource.RLIM_INFINITY else '%d MiB' % (value >> 20) if value >= 1 << 20 else str(value)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
# At most: an ordinary user may not raise its own.
seen['nofile'] = '%d, %s' % (soft, 524288 if 1024 <= hard <= 524288 else hard)
seen['core'] = amount(resource.getrlimit(resource.RLIMIT_CORE)[0])
seen['stack'] = amount(resource.getrlimit(resource.RLIMIT_STACK)[0])
seen['fsize'] = amount(resource.getrlimit(resource.RLIMIT_FSIZE)[0])
with open('/proc/self/uid_map') as file: outside = file.read().split()[1]
seen['who'] = 'root' if os.getuid() == 0 and outside == '0' else "root by name, the agent's in truth" if os.getuid() == 0 and outside == os.environ['AGENT'] else "the agent's" if os.getuid() == int(os.environ['AGENT']) else 'one of its own'
cut = lambda text: text.lstrip('0') or 'none'
sets = [cut(word('CapEff')), cut(word('CapBnd'))]
seen['capabilities'] = ' '.join(sets) if sets != ['none', 'none'] else 'none'
seen['noNewPrivs'] = 'no' if word('NoNewPrivs') == '1' else 'yes'
seen['seccomp'] = 'yes' if word('Seccomp') == '2' else 'no'
x86 = platform.machine() == 'x86_64'
calls = [call(number, *arguments) for number, *arguments in ((321 if x86 else 280, 0, 0, 0), (165 if x86 else 40, 0, 0, 0, 0, 0), (250 if x86 else 219, 0, 0), (298 if x86 else 241, 0, 0, 0, 0, 0), (425, 0, 0), (308 if x86 else 268, 0, 0), (272 if x86 else 97, 0x10000000))]
seen['calls'] = ' '.join(sorted(set(calls)))
seen['newCalls'] = ' '.join(sorted({call(435, 0, 0), call(900)}))
child = os.fork()
if child == 0:
    libc.ptrace(0, 0, 0, 0)
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(0)
_, status = os.waitpid(child, os.WUNTRACED)
seen['ptrace'] = 'yes' if os.WIFSTOPPED(status) and libc.ptrace(7, child, 0, 0) == 0 else 'no'
if seen['ptrace'] == 'no': os.kill(child, signal.SIGCONT)
os.waitpid(child, 0)
seen['vsock'] = code(lambda: socket.socket(40, socket.SOCK_STREAM))
seen['raw'] = code(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
def content(path):
    try:
        if os.path.isdir(path): return os.listdir(path)
        with open(path, 'rb') as file: return file.read(1)
    except OSError: return None
masked = ['/proc/' + name for name in ('acpi', 'asound', 'interrupts', 'kcore', 'keys', 'latency_stats', 'sched_debug', 'scsi', 'timer_list', 'timer_stats')] + ['/sys/devices/virtual/powercap', '/sys/firmware']
seen['masked'] = ' '.join(path for path in masked if content(path)) or 'none'
def writes(path):
    try: os.close(os.open(path, os.O_WRONLY))
    except OSError: return False
    return True
protected = ['/proc/sys/kernel/panic', '/proc/sys/vm/drop_caches', '/proc/sysrq-trigger', '/proc/irq/default_smp_affinity', '/sys/kernel/mm/transparent_hugepage/enabled']
made = [path for path in ('/proc/bus', '/proc/fs', '/sys') if code(lambda: os.mkdir(path + '/made')) == 'yes']
seen['readOnly'] = ' '.join(made + [path for path in protected if writes(path)]) or 'not writable'
with open('/proc/self/cgroup') as file: seen['cgroup'] = ' '.join(sorted({line.strip().split(':', 2)[2] for line in file}))
folders = [name for name in (os.listdir('/sys/fs/cgroup') if os.path.isdir('/sys/fs/cgroup') else []) if os.path.isdir('/sys/fs/cgroup/' + name)]
foreign = [name for name in folders if name not in ('memory', 'cpu', 'cpuacct', 'pids')] + [path for path, names, _ in os.walk('/sys/fs/cgroup') if path.count('/') > 4]
seen['groups'] = ("others', too" if foreign else 'its own') + (', writable' if code(lambda: os.mkdir('/sys/fs/cgroup/made')) == 'yes' else ', not writable')
makes = lambda folder: code(lambda: os.close(os.open(folder + '/made', os.O_WRONLY | os.O_CREAT))) == 'yes'
seen['root'] = "the node's, read-only" if not any(makes(folder) for folder in ('', '/usr', '/etc', '/var', '/var/tmp', '/opt', '/root', '/home')) else 'its own, writable'
seen['writable'] = ' '.join(folder for folder in ('/job', '/tmp', '/dev', '/dev/shm', '/run', '/var/tmp', '/sys', '/home', '/usr') if makes(folder))
facts = os.statvfs('/dev/shm')
seen['shm'] = '%d MiB' % (facts.f_blocks * facts.f_frsize >> 20)
seen['owner'] = 'its own' if os.stat('/job/made').st_uid == os.getuid() and os.stat('/job/made').st_gid == os.getgid() else 'of somebody else'
os.remove('/job/made')
seen['devices'] = ' '.join(sorted(os.listdir('/dev')))
with open('/proc/net/dev') as file: seen['interfaces'] = ' '.join(sorted(line.split(':')[0].strip() for line in list(file)[2:]))
server = socket.create_server(('127.0.0.1', 0))
seen['loopback'] = code(lambda: socket.create_connection(server.getsockname(), 10).close())
seen['unreachable'] = code(lambda: socket.create_connection(('198.41.0.4', 53), 10))
seen['hostName'] = "the node's" if socket.gethostname() == os.environ['NODE_NAME'] else 'its own'
print(json.dumps(seen))
`;

/** Leaves what is a result, and what is none. */
const LEAVE = `
import os, socket
os.mkdir('in')
for name in ('in/plain', b'od\\xff', 'hidden'):
    with open(name, 'w') as file: file.write('x')
os.chmod('hidden', 0)
os.symlink('/job/in/plain', 'inside')
os.symlink('/etc/passwd', 'outside')
os.mkfifo('pipe')
socket.socket(socket.AF_UNIX).bind('socket')
`;

/** What the platform promises of every instance and docker has no word for. */
export const PROMISES = {
  secrets: 'in its environment, and in no arguments of this machine',
  operatorsFile: 'held by nobody here',
  files: [
    'hidden: files or folders that may not be read',
    'in/plain',
    'inside',
    'od%FF',
    'outside: links that lead out of the job',
    'pipe: pipes',
    'socket: sockets',
  ],
};

/** How a command ends that is given as a script, or as one word. */
const ENDS = {
  exit7: { script: 'exit 7' },
  exit130: { script: 'exit 130' },
  missing: { program: '/no/such' },
  forbidden: { program: '/etc/passwd' },
  segv: { script: 'kill -SEGV $$; exit 0' },
  int: { script: 'kill -INT $$; exit 0' },
} as const;

/**
 * A program that runs all of it in real instances and prints one line of JSON: for each level the text of each row and what it kept of `PROMISES`, or why
 * this machine does not have the level. It runs by itself, so that any user can run it, and is given a folder and a file that somebody left open.
 * @param built the folder of the repository
 */
export const programOf = (built: (path: string) => string): string => `
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { text } from 'node:stream/consumers';
import { closeInherited, SandboxDriver } from ${JSON.stringify(built('libs/drivers/dist/index.js'))};
import { planOf } from ${JSON.stringify(built('apps/node-agent/dist/profile/command-of.js'))};
import { listFiles } from ${JSON.stringify(built('apps/node-agent/dist/files/list-files.js'))};
const [workDir, operatorsFile] = process.argv.slice(1);
closeInherited();
const attempt = (work, otherwise) => {
  try {
    return work();
  } catch {
    return otherwise;
  }
};
const processes = () => readdirSync('/proc').filter((name) => /^\\d+$/.test(name) && Number(name) !== process.ppid);
const holdersOf = (path) => processes().filter((pid) =>
  attempt(() => readdirSync('/proc/' + pid + '/fd'), []).some((fd) => attempt(() => readlinkSync('/proc/' + pid + '/fd/' + fd), '') === path));
const seen = {};
for (const level of ['bubblewrap', 'unshare']) {
  const driver = new SandboxDriver({ workDir: workDir + '/' + level, hide: [workDir], level });
  let count = 0;
  const run = async (constants, how = 'words', { secrets = {}, meanwhile, afterwards } = {}) => {
    const prepared = await driver.prepare({ id: 'conformance-' + (count += 1), cores: 1, memoryMB: 512 });
    try {
      const order = {
        instance: 0, instanceCount: 1, profile: 'docker-batch', results: null,
        constants: Object.entries(constants).map(([key, value]) => ({ key, value })),
        run: { constant: 'DOCKER_CMD', how, wallLimit: 'NO_LIMIT', progress: [] },
      };
      const { argv, env } = planOf(order, secrets, prepared.paths, facts.path);
      const running = await prepared.start({ argv, env: constants.PROBE ? { ...env, AGENT: String(process.getuid()), NODE_NAME: hostname() } : env });
      await meanwhile?.(running);
      const [out, err, exit] = await Promise.all([text(running.stdout), text(running.stderr), running.exit]);
      await afterwards?.(prepared);
      return { out, err, ...exit };
    } finally {
      await prepared.dispose();
    }
  };
  let facts;
  try {
    facts = await driver.probe();
  } catch (error) {
    seen[level] = String(error);
    await driver.close();
    continue;
  }
  const value = "a\\n'b' \\"c\\" $(id)";
  const given = Object.fromEntries(${JSON.stringify(['GIVEN', ...ODD_NAMES])}.map((name) => [name, value]));
  const { out, err } = await run({ DOCKER_CMD: 'python3 -c \${PROBE}', PROBE: ${JSON.stringify(PROBE)}, ...given }, 'words', { secrets: { 'QARNOT_SECRET_my.key': value } });
  const rows = out.trim() === '' ? { failed: err } : JSON.parse(out);
  for (const [id, { script, program }] of Object.entries(${JSON.stringify(ENDS)})) {
    const { exitCode, signal } = await run({ DOCKER_CMD: script ?? program }, script ? 'script' : 'words');
    rows[id] = exitCode + (signal ? ' ' + signal : '');
  }
  // Of a program that sets no signal: Python ignores two.
  const { out: status } = await run({ DOCKER_CMD: '/bin/cat /proc/self/status' });
  for (const [id, name] of [['ignored', 'SigIgn'], ['blocked', 'SigBlk']])
    rows[id] = new RegExp('^' + name + ':\\t0+$', 'm').test(status) ? 'none' : (status.match(new RegExp('^' + name + '.*', 'm'))?.[0] ?? 'not told');
  // An output that ends: its writers are gone, a daemon in a session of its own among them.
  const daemon = await run({ DOCKER_CMD: '(setsid sleep 86397 &); echo done' }, 'script');
  rows.left = daemon.out === 'done\\n' ? 'killed' : daemon.out;
  const kept = {};
  const secret = randomUUID();
  await run({ DOCKER_CMD: 'echo "$QARNOT_SECRET_KEY"; exec sleep 86396' }, 'script', {
    secrets: { QARNOT_SECRET_KEY: secret },
    meanwhile: async (running) => {
      const [line] = await new Promise((resolve) => running.stdout.once('data', (data) => resolve(String(data).split('\\n'))));
      const told = processes().filter((pid) => attempt(() => readFileSync('/proc/' + pid + '/cmdline', 'utf8'), '').includes(secret));
      kept.secrets = line !== secret ? 'not in its environment' : told.length > 0 ? 'in arguments' : ${JSON.stringify(PROMISES.secrets)};
      const holders = holdersOf(operatorsFile);
      kept.operatorsFile = holders.length > 0 ? 'held by ' + holders.map((pid) => attempt(() => readFileSync('/proc/' + pid + '/cmdline', 'utf8'), pid)).join() : ${JSON.stringify(PROMISES.operatorsFile)};
      running.kill();
    },
  });
  await run({ DOCKER_CMD: 'python3 -c \${LEAVE}', LEAVE: ${JSON.stringify(LEAVE)} }, 'words', {
    afterwards: async ({ jobDir, paths }) => {
      const { files, leftOut } = await listFiles(jobDir, { seenAs: paths.job });
      kept.files = [...files.map(({ path }) => path), ...leftOut.map(({ path, why }) => path + ': ' + why)].sort();
    },
  });
  seen[level] = { kept, ...rows, names: rows.names?.split(' ').filter((name) => name !== 'AGENT' && name !== 'NODE_NAME').join(' ') };
  await driver.close();
}
console.log(JSON.stringify(seen));
`;

/** What a level showed; a text: why this machine does not have it. */
export type SeenAtLevel = (Readonly<Record<string, string>> & { readonly kept: typeof PROMISES }) | string;

/** Rows that nothing was seen of. */
export const unseen = (seen: Readonly<Record<string, string>>): readonly string[] =>
  ROWS.map(({ id }) => id).filter((id) => seen[id] === undefined);
