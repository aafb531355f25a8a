import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readlink, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterEach, expect, it } from '@jest/globals';

import { orderOf } from '../sandbox/driver.fixture.js';
import { initProgram } from './init-program.js';
import { signalQuietly, startTimeOf } from './proc.js';
import { Starter } from './starter.js';

let starter: Starter | undefined;
afterEach(() => starter?.close());
const open = async (wakeMs?: number): Promise<Starter> => (starter = new Starter(await initProgram(), wakeMs));
const plain = ['--directory', '/', '--aim', 'group'];

const parentOf = async (pid: number): Promise<number> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
};

/** Nobody may be there to reap it. */
const isAlive = async (pid: number): Promise<boolean> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return !['', 'Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0] ?? '');
};

it('starts processes that each have pipes of their own, and hears of their ends', async () => {
  const from = await open();
  const all = await Promise.all(Array.from({ length: 20 }, () => from.start(plain)));
  const said = await Promise.all(
    all.map(async (one, at) => {
      one.status.resume();
      one.order.end(orderOf(['/bin/sh', '-c', `echo out ${at}; echo err ${at} > /dev/stderr; ls /proc/self/fd`]));
      const [out, err] = await Promise.all([text(one.out), text(one.err), one.ended]);
      one.control.destroy();
      return { out, err, isOver: one.isOver() };
    }),
  );
  // 3: the folder that `ls` reads.
  expect(said).toEqual(said.map((_, at) => ({ out: `out ${at}\n0\n1\n2\n3\n`, err: `err ${at}\n`, isOver: true })));
});

it('shows nothing of one child to another: neither options nor descriptors', async () => {
  const from = await open();
  const first = await from.start(['--directory', '/tmp', '--aim', 'group']);
  const second = await from.start(plain);
  const pipes: string[] = [];
  for (const { pid } of [first, second]) {
    const own = new Set<string>();
    // Once it has read its options.
    while ((await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes('/')) await new Promise(setImmediate);
    for (const fd of await readdir(`/proc/${pid}/fd`)) {
      const what = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      if (what.startsWith('pipe:')) own.add(what);
      // Beside the pipes that it was given it has made one to its own child, and what tells of that.
      else expect(['', '/dev/null', 'anon_inode:[signalfd]']).toContain(what);
    }
    pipes.push(...own);
  }
  expect(pipes.length).toBeGreaterThanOrEqual(8);
  expect(new Set(pipes).size).toBe(pipes.length);
  for (const { order, control, out, err, status } of [first, second])
    for (const end of [order, control, out, err, status]) end.destroy();
  await Promise.all([first.ended, second.ended]);
});

it('kills what it has started and has not reaped, and nothing else', async () => {
  const from = await open();
  const [one, other] = await Promise.all([from.start(plain), from.start(plain)]);
  for (const { out, err, status } of [one, other]) for (const end of [out, err, status]) end.resume();
  one.order.end(orderOf(['/bin/sh', '-c', "trap '' TERM INT HUP; sleep 600 & wait"]));
  other.order.end(orderOf(['/bin/sleep', '600']));
  one.kill();
  await one.ended;
  one.kill();
  expect([one.isOver(), other.isOver(), await isAlive(one.pid), await isAlive(other.pid)]).toEqual([
    true,
    false,
    false,
    true,
  ]);
  other.kill();
  await other.ended;
  for (const { control } of [one, other]) control.destroy();
});

it('is begun anew when it was killed, and what it had started is killed', async () => {
  const from = await open();
  const one = await from.start(plain);
  one.status.resume();
  one.order.end(orderOf(['/bin/sleep', '600']));
  one.out.resume();
  one.err.resume();
  signalQuietly(await parentOf(one.pid), 'SIGKILL');
  await one.ended;
  expect(one.isOver()).toBe(true);
  one.control.destroy();
  const next = await from.start(plain);
  next.status.resume();
  next.order.end(orderOf(['/bin/echo', 'again']));
  expect(await text(next.out)).toBe('again\n');
  await next.ended;
  next.control.destroy();
  next.err.destroy();
});

it('ends neither itself nor a child when all of a service is asked to end', async () => {
  const from = await open();
  const one = await from.start(plain);
  const server = await parentOf(one.pid);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    for (const pid of [server, one.pid]) process.kill(pid, signal);
  one.status.resume();
  // The command has them back: it would not end by this one otherwise.
  one.order.end(orderOf(['/bin/sh', '-c', 'echo ran; kill -TERM $$; echo survived']));
  expect(await text(one.out)).toBe('ran\n');
  await one.ended;
  one.control.destroy();
  one.err.destroy();
  const next = await from.start(plain);
  expect(await parentOf(next.pid)).toBe(server);
  for (const end of [next.order, next.control, next.out, next.err, next.status]) end.destroy();
  await next.ended;
});

it('goes on after it was paused', async () => {
  const from = await open(20);
  const one = await from.start(plain);
  process.kill(await parentOf(one.pid), 'SIGSTOP');
  for (const end of [one.order, one.control, one.out, one.err, one.status]) end.destroy();
  const next = await from.start(plain);
  for (const end of [next.order, next.control, next.out, next.err, next.status]) end.destroy();
  await Promise.all([one.ended, next.ended]);
});

it('refuses options that it could not read, and nothing else ends by it', async () => {
  const from = await open();
  const one = await from.start(plain);
  const long = Array.from({ length: 20_000 }, () => ['--mask', `/${'x'.repeat(60)}`]).flat();
  await expect(from.start([...long, ...plain])).rejects.toThrow(
    'the options of a sandbox are longer than 1048576 bytes',
  );
  await expect(from.start(['--directory', '/\0--aim', ...plain])).rejects.toThrow('holds a zero byte');
  one.status.resume();
  one.order.end(orderOf(['/bin/echo', 'ran']));
  expect(await text(one.out)).toBe('ran\n');
  await one.ended;
  one.control.destroy();
  one.err.destroy();
});

it('ends, and its children with it, when whoever started it is killed', async () => {
  const server = spawn(await initProgram(), ['--serve'], { stdio: ['pipe', 'pipe', 'inherit'], env: {} });
  const request = Buffer.from(`${['run', '1', ...plain].join('\0')}\0`);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(request.length);
  server.stdin.write(Buffer.concat([length, request]));
  const [line] = (await once(server.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString().split(' ')[2]);
  expect(await parentOf(pid)).toBe(server.pid);
  // Its ends were never taken: nobody but the server holds them.
  server.stdout.resume();
  server.stdin.destroy();
  await once(server, 'close');
  while (await isAlive(pid)) await new Promise(setImmediate);
});

it('refuses a start while there is no descriptor left, and begins when there is', async () => {
  const from = await open();
  // Whoever has none left cannot start what would give it some: so that stands by.
  const script =
    'old=$(prlimit --pid "$0" --nofile -o SOFT --noheadings) && read go && prlimit --pid "$0" --nofile=3: && echo low && read back; prlimit --pid "$0" --nofile=$old:; echo back';
  const warden = spawn('sh', ['-c', script, String(process.pid)], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    warden.stdin.write('go\n');
    expect(String((await once(warden.stdout, 'data'))[0])).toBe('low\n');
    await expect(from.start(plain)).rejects.toThrow();
  } finally {
    warden.stdout.resume();
    warden.stdin.end('back\n');
    await once(warden, 'close');
  }
  const one = await from.start(plain);
  for (const end of [one.order, one.control, one.out, one.err, one.status]) end.destroy();
  await one.ended;
});

it('tells what a child does that was given options which do not exist', async () => {
  const one = await (await open()).start(['--no-such-option']);
  expect(await text(one.err)).toMatch(/^option --no-such-option: /);
  await one.ended;
  for (const end of [one.order, one.control, one.out, one.status]) end.destroy();
});

it('has a child write down at once which process it is, whatever stood there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'fornax-starter-'));
  const file = join(folder, 'pid');
  const earlier = '1234567 '.padEnd(60, '9');
  await writeFile(file, earlier);
  const one = await (await open()).start(['--pid-file', file, ...plain]);
  one.status.resume();
  // It waits for its order, which is read after that.
  one.order.end(orderOf(['/bin/echo', 'ran']));
  expect(await text(one.out)).toBe('ran\n');
  const [pid = '', startTime] = (await readFile(file, 'utf8')).split(' ');
  expect(Number(pid)).toBe(one.pid);
  expect(startTime).toMatch(/^\d+$/);
  one.control.destroy();
  one.err.destroy();
  await one.ended;
  const next = await (starter as Starter).start(['--pid-file', file, ...plain]);
  while ((await readFile(`/proc/${next.pid}/cmdline`, 'utf8')).includes('/')) await new Promise(setImmediate);
  expect(await readFile(file, 'utf8')).toBe(`${next.pid} ${(await startTimeOf(next.pid)) ?? ''}`);
  for (const end of [next.order, next.control, next.out, next.err, next.status]) end.destroy();
  await next.ended;
  await rm(folder, { recursive: true });
});
