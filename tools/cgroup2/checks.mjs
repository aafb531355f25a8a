// What is asked of control groups of version 2, in a machine that has them: node's own test runner and the built driver, because that machine is slow.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { openCgroups } from '../../libs/drivers/dist/cgroup/cgroup.js';
import { SandboxDriver } from '../../libs/drivers/dist/index.js';

const PYTHON = '/usr/bin/python3';
const ALL = ['memory', 'cpu', 'pids'];
const ALLOCATE = 'held = bytearray(80 * 1048576); held = None';
const BOMB = `
import errno, os, signal
count = 0
try:
    while True:
        if os.fork() == 0: signal.pause()
        count += 1
except OSError as error: print(errno.errorcode[error.errno], 25 < count < 50)
`;
/** Ends with its test, however that ends: the checks would wait for it. */
const sleeper = (t) => {
  const child = spawn('sleep', ['4712'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  return child;
};
const enter = (group, { pid }) => group.joinFiles.forEach((file) => writeFileSync(file, String(pid)));

test('this is a machine with version 2 of control groups', () => {
  assert.ok(existsSync('/sys/fs/cgroup/cgroup.controllers'));
});

test('groups limit everything, count what is used, and kill all that is in them', async (t) => {
  const groups = await openCgroups('fornax-check');
  assert.deepEqual(groups?.limits, ALL);
  const group = await groups.create('one', { cores: 1, memoryMB: 64, maxProcesses: 10 });
  const child = sleeper(t);
  const ended = once(child, 'exit');
  enter(group, child);
  assert.deepEqual(group.processes(), [child.pid]);
  const { cpuMs, memoryMB } = group.use();
  assert.ok(cpuMs >= 0 && memoryMB >= 0 && memoryMB < 64, `${cpuMs} ms, ${memoryMB} MB`);
  group.kill();
  assert.deepEqual(await ended, [null, 'SIGKILL']);
  const usage = group.usage();
  assert.ok(usage.cpuMs >= 0 && usage.peakMemoryMB > 0 && usage.oomKills === 0, JSON.stringify(usage));
  await group.remove();
  await groups.close();
  assert.deepEqual([...group.joinFiles, ...groups.folders].filter(existsSync), []);
});

test('groups of an agent that died go with all that is in them when the next one of its name begins', async (t) => {
  const before = await openCgroups('fornax-left');
  const left = await before.create('left', { cores: 0, memoryMB: 0, maxProcesses: 10 });
  const child = sleeper(t);
  const ended = once(child, 'exit');
  enter(left, child);
  const next = await openCgroups('fornax-left');
  assert.deepEqual(await ended, [null, 'SIGKILL']);
  assert.deepEqual(left.joinFiles.filter(existsSync), []);
  await next.close();
});

let opened = 0;
for (const level of ['unshare', 'bubblewrap', 'process']) {
  test(`instances at level ${level}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'fornax-'));
    const driver = new SandboxDriver({
      workDir: join(folder, 'node'),
      hide: [folder],
      level,
      maxProcesses: 50,
      ready: 1,
    });
    const facts = await driver.probe().catch((error) => t.skip(String(error)));
    if (!facts) return driver.close();
    opened += 1;
    let count = 0;
    const run = async (argv, memoryMB = 512) => {
      const prepared = await driver.prepare({ id: `lease-${(count += 1)}`, cores: 1, memoryMB });
      const instance = await prepared.start({ argv, env: { PATH: facts.path } });
      const [out, err, exit] = await Promise.all([text(instance.stdout), text(instance.stderr), instance.exit]);
      await prepared.dispose();
      return { out, err, ...exit };
    };
    const sh = (script, memoryMB) => run(['/bin/sh', '-c', script], memoryMB);
    try {
      assert.deepEqual(facts.limits, ALL);
      await t.test('see their own limits, and no other group', async () => {
        if (level === 'process') return;
        const { out, err } = await sh('cd /sys/fs/cgroup; cat memory.max cpu.max pids.max; ls -d */ 2>/dev/null');
        assert.equal(out, '536870912\n100000 100000\n50\n', err);
      });
      await t.test('have the processor time and the peak of memory counted, those of children too', async () => {
        const { exitCode, cpuMs, peakMemoryMB } = await sh(`${PYTHON} -c '${ALLOCATE}'; exit 3`);
        assert.equal(exitCode, 3);
        assert.ok(cpuMs > 0 && peakMemoryMB > 79 && peakMemoryMB < 300, `${cpuMs} ms, ${peakMemoryMB} MB`);
      });
      await t.test('are killed for memory, or have told that a child was', async () => {
        const alone = await run([PYTHON, '-c', ALLOCATE], 64);
        assert.deepEqual([alone.kind, alone.memoryKills], ['out-of-memory', 1]);
        const child = await sh(`${PYTHON} -c '${ALLOCATE}'; exit 0`, 64);
        assert.deepEqual([child.kind, child.exitCode, child.memoryKills], ['exited', 0, 1]);
      });
      await t.test('have as many processes as they may', async () => {
        assert.equal((await run([PYTHON, '-c', BOMB])).out, 'EAGAIN True\n');
      });
      await t.test('leave nobody', async (own) => {
        sleeper(own);
        await sh(`(setsid sleep 4713 >/dev/null 2>&1 &); exit 0`);
        const { stdout } = spawn('pgrep', ['-xf', 'sleep 4713']);
        assert.equal(await text(stdout), '');
      });
      await t.test('tell what they use while they run', async () => {
        const prepared = await driver.prepare({ id: 'runs', cores: 1, memoryMB: 512 });
        const script = 'held = bytearray(80 * 1048576); print("x", flush=True)\nwhile True: pass';
        const instance = await prepared.start({ argv: [PYTHON, '-c', script], env: { PATH: facts.path } });
        instance.stderr.resume();
        await once(instance.stdout, 'data');
        const { cpuMs, memoryMB } = await instance.measure();
        instance.kill();
        assert.equal((await instance.exit).kind, 'killed');
        await prepared.dispose();
        assert.ok(cpuMs > 0 && memoryMB > 79 && memoryMB < 300, `${cpuMs} ms, ${memoryMB} MB`);
      });
    } finally {
      await driver.close();
    }
  });
}
test('two levels at least could be opened', () => assert.ok(opened >= 2, String(opened)));
